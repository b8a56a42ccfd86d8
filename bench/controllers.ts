import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { type Engine, openEngine } from "../src/dbos/open-engine.js";
import { executeRun } from "../src/engine/execute-run.js";
import type { StepCall, StepPerformer } from "../src/engine/perform-step.js";
import { localProcesses } from "../src/platform/process-identity.js";
import { systemClock as clock } from "../src/platform/system-clock.js";
import { ownFolder } from "./own-process.js";
import { realPerformer } from "./real-steps.js";

/** A process that is given a database is a controller. */
const asController = "BACKOUT_BENCH_ENGINE";
export const controllersDatabase = (): string | undefined => process.env[asController];

const system = "bench";
const owner = () => localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: "here" };
export const openBenchEngine = (url: string): Promise<Engine> =>
  openEngine({ url, owner: owner(), patienceMs: 10_000, connections: 8 });

/** One more controller over the engine; `folder` is where real steps have their effects. */
export async function startController(
  url: string,
  controllers: ChildProcess[],
  folder: string,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [process.argv[1] ?? "", "dbos"], {
    env: { ...process.env, [asController]: url, BACKOUT_BENCH_FOLDER: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  controllers.push(child);
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (status) => reject(new Error(`a controller ended with ${status}`)));
  });
  return child;
}

/** What such a process does until it is ended. */
export async function serveAsController(url: string): Promise<void> {
  const engine = await openBenchEngine(url);
  const { journal } = engine;
  const folder = ownFolder();
  const real = realPerformer(folder, join(folder, "state"));
  const of = ({ step }: StepCall): StepPerformer => (step.driver === "command" ? real : waiting);
  const performer: StepPerformer = {
    perform: (call) => of(call).perform(call),
    settle: (call) => of(call).settle(call),
  };
  await engine.server.serve({
    system,
    signal: new AbortController().signal,
    tell: (event) => void (event.type === "ready" && process.stdout.write("ready\n")),
    async execute({ run: id, environment }) {
      const run = await journal.run(id);
      const scope = `${system}/${environment}`;
      const want = { scope, run: id, owner: owner(), expires: clock.now() + 15_000 };
      const { lease } = await journal.acquire(want, () => true);
      const { status } = await executeRun({ journal, clock, run, lease, performer });
      await journal.release(lease);
      return status === "finished" ? "ended" : "left";
    },
  });
}

/** Steps that only take their time. */
const waiting: StepPerformer = {
  async perform({ step, attempt }) {
    const ms = Number(step.input["ms"]);
    if (ms > 0) await clock.sleep(ms);
    return { type: "step.succeeded", step: step.id, attempt, summary: "done", changed: true, ms };
  },
  settle: async ({ step, attempt }) => ({
    type: "step.settled",
    step: step.id,
    attempt,
    state: "not-applied",
    summary: "it has not happened",
  }),
};
