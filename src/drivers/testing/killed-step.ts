import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { StepOrder } from "./step-process.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** When the process is killed: ahead of its n-th call, or so many milliseconds after it began. */
export type Moment = { readonly beforeCall: number } | { readonly afterMs: number } | "never";

export interface StepEnd {
  readonly killed: boolean;
  /** The driver's `apply` had returned. */
  readonly returned: boolean;
  /** Calls that left the driver, and how long it took: known where it had returned. */
  readonly calls: number;
  readonly ms: number;
  readonly stderr: string;
}

export interface StepRunner {
  run(order: StepOrder, moment: Moment): Promise<StepEnd>;
  cleanUp(): Promise<void>;
}

/** Bundles the driver with `stepProcess` into a program of its own, which can then die half-way. */
export async function stepRunner(driver: string): Promise<StepRunner> {
  // Below node_modules, so that the bundle's imports of packages resolve.
  const cache = join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, `contract-${driver}-`));
  const program = join(folder, "step.mjs");
  await build({
    stdin: {
      contents: `import * as module from "../${driver}/index.ts";
        import { stepProcess } from "./step-process.ts";
        await stepProcess(module, process.argv[2]);`,
      resolveDir: here,
      loader: "ts",
    },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    outfile: program,
    logLevel: "error",
  });
  return {
    run: (order, moment) => runOnce(program, order, moment),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

async function runOnce(program: string, order: StepOrder, moment: Moment): Promise<StepEnd> {
  const scratch = await mkdtemp(join(tmpdir(), "backout-killed-"));
  const orderFile = join(scratch, "order.json");
  const killBefore = typeof moment === "object" && "beforeCall" in moment ? moment.beforeCall : undefined;
  await writeFile(orderFile, JSON.stringify(killBefore === undefined ? order : { ...order, killBefore }));
  const mark = randomUUID();
  const child = spawn(process.execPath, [program, orderFile], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, BACKOUT_CONTRACT_MARK: mark, TMPDIR: scratch },
  });
  let stdout = "";
  let stderr = "";
  let began = 0;
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal ?? code));
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (began > 0 || !stdout.includes("begin\n")) return;
      began = performance.now();
      if (typeof moment === "object" && "afterMs" in moment) {
        setTimeout(
          () => child.pid !== undefined && child.exitCode === null && child.kill("SIGKILL"),
          moment.afterMs,
        );
      }
    });
  });
  try {
    const how = await ended;
    const ms = performance.now() - began;
    await lastOfThem(mark);
    if (how !== "SIGKILL" && how !== 0) throw new Error(`the step's process ended with ${how}: ${stderr}`);
    const calls = /^end (\d+)$/m.exec(stdout)?.[1];
    return {
      killed: how === "SIGKILL",
      returned: calls !== undefined,
      calls: Number(calls ?? 0),
      ms,
      stderr,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Programs that the killed process had started go on by themselves: waits until the last of them has ended. */
async function lastOfThem(mark: string): Promise<void> {
  for (let round = 0; round < 600; round++) {
    if (!(await anyWith(`BACKOUT_CONTRACT_MARK=${mark}`))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("a program that the killed step had started is still running after 30 s");
}

async function anyWith(entry: string): Promise<boolean> {
  const ids = await readdir("/proc").catch(() => []);
  const found = await Promise.all(
    ids
      .filter((id) => /^\d+$/.test(id))
      .map((id) =>
        readFile(`/proc/${id}/environ`, "latin1").then(
          (text) => text.includes(entry),
          () => false,
        ),
      ),
  );
  return found.includes(true);
}
