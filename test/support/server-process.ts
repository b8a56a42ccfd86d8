import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that was started for a test, and what it said so far. */
export interface ServerProcess {
  readonly said: () => string;
  /** SIGTERM, and SIGKILL where that takes longer than 10 s. */
  stop(): Promise<void>;
}

export interface Started {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Resolves once it can be used, rejects as long as it cannot. */
  readonly ready: () => Promise<unknown>;
  /** The Debian package that has the program. */
  readonly package: string;
}

/** Starts it and waits until it is ready, for at most a minute. */
export async function serverProcess({ program, args, cwd, ready, ...more }: Started): Promise<ServerProcess> {
  const said: string[] = [];
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(String(text)));
  const missing = new Promise<never>((_, reject) => {
    child.once("error", (error) => {
      const install = `on Debian: apt-get install ${more.package}`;
      reject(new Error(`these tests need ${program}, which cannot be started; ${install}`, { cause: error }));
    });
  });
  const output = () => said.join("").slice(-4_000);
  try {
    await Promise.race([missing, untilReady(child, ready, output)]);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { said: output, stop: () => end(child) };
}

async function untilReady(child: ChildProcess, ready: () => Promise<unknown>, output: () => string) {
  for (let left = 600; left > 0; left--) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended by itself: ${output()}`);
    const up = await ready().then(
      () => true,
      () => false,
    );
    if (up) return;
    await sleep(100);
  }
  throw new Error(`${child.spawnfile} is not ready after a minute: ${output()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(timer);
}
