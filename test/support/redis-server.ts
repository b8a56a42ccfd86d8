import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

/** A Redis of its own: temporary folder, free port, nothing left after `stop`. */
export interface RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly url: string;
  readonly client: Redis;
  /** Without a word, as a crash would; SIGTERM is the plain way. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function redisServer(
  more: { password?: string; args?: readonly string[]; port?: number } = {},
): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "backout-redis-"));
  const port = more.port ?? (await freePort());
  const { password } = more;
  const client = new Redis({
    port,
    host: "127.0.0.1",
    lazyConnect: true,
    ...(password === undefined ? {} : { password }),
    retryStrategy: (times) => (times > 200 ? null : 50),
    maxRetriesPerRequest: null,
  });
  client.on("error", () => {});
  let ended: Promise<unknown> = Promise.resolve();
  let pid: number | undefined;
  const start = async (): Promise<void> => {
    const login = password === undefined ? [] : ["--requirepass", password];
    const child = spawn(
      "redis-server",
      [
        ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--logfile", "log"],
        ...["--repl-diskless-sync-delay", "0"],
        ...login,
        ...(more.args ?? []),
      ],
      { stdio: "ignore" },
    );
    await Promise.race([
      once(child, "spawn"),
      once(child, "error").then(() => {
        throw new Error(
          "these tests need Redis, which is not installed; on Debian: apt-get install redis-server",
        );
      }),
    ]);
    pid = child.pid;
    ended = once(child, "exit").then(() => {
      pid = undefined;
    });
    if (client.status === "wait" || client.status === "end") await client.connect().catch(() => {});
    await client.ping();
  };
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (pid !== undefined) process.kill(pid, signal);
    await ended;
  };
  await start();
  return {
    port,
    folder,
    url: `redis://${password === undefined ? "" : `:${password}@`}127.0.0.1:${port}`,
    client,
    end,
    start,
    async stop() {
      client.disconnect();
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Below the range that systems take for outgoing connections; a cluster's nodes also take the port 10,000 higher. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 11_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
