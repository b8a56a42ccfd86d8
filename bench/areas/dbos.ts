import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentDigest } from "../../src/core/content-digest.js";
import type { Plan, PlanStep } from "../../src/core/plan/plan.js";
import type { RunRecord } from "../../src/core/run/run-journal.js";
import { type Engine, openEngine } from "../../src/dbos/open-engine.js";
import { executeRun } from "../../src/engine/execute-run.js";
import type { StepPerformer } from "../../src/engine/perform-step.js";
import { localProcesses } from "../../src/platform/process-identity.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import { type Figure, figure } from "../figure.js";

/** A process of this area that is given a database is a controller. */
const asController = "BACKOUT_BENCH_ENGINE";
const system = "bench";
const owner = () => localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: "here" };
const open = (url: string): Promise<Engine> =>
  openEngine({ url, owner: owner(), patienceMs: 10_000, connections: 8 });

/** The scaled-out engine, over a PostgreSQL of its own that writes to disk as it would in use. */
export async function overDbos(): Promise<Figure[]> {
  const given = process.env[asController];
  if (given !== undefined) return serve(given);
  const server = startPostgres();
  const controllers: ChildProcess[] = [];
  const engine = await open(server.url).catch((error: unknown) => {
    server.stop();
    throw error;
  });
  try {
    const area = "dbos";
    const one = await startController(server.url, controllers);
    const chain = await timed(() => finish(engine, [["chain", 200, 0]]));
    const alone = await timed(() => finish(engine, hundred("one")));
    const more = [
      await startController(server.url, controllers),
      await startController(server.url, controllers),
    ];
    const three = await timed(() => finish(engine, hundred("three")));
    const takeovers: number[] = [];
    for (const [round, victim] of [one, more[0]].entries()) {
      takeovers.push(await takeover(engine, `dead-${round}`, controllers, victim?.pid));
      await startController(server.url, controllers);
    }
    return [
      figure({
        area,
        figure: "overhead a step",
        unit: "ms",
        values: [chain / 200],
        against: "200 in a chain",
      }),
      figure({
        area,
        figure: "takeover",
        unit: "ms",
        values: takeovers,
        most: 2_000,
        against: "after SIGKILL",
      }),
      figure({
        area,
        figure: "100 runs, 1 controller",
        unit: "runs/s",
        values: [100_000 / alone],
        against: "5 steps of 50 ms each",
      }),
      figure({
        area,
        figure: "100 runs, 3 controllers",
        unit: "runs/s",
        values: [100_000 / three],
        against: "5 steps of 50 ms each",
      }),
    ];
  } finally {
    await engine.close();
    for (const child of controllers) child.kill("SIGKILL");
    server.stop();
  }
}

type Wanted = readonly [environment: string, steps: number, ms: number];

const hundred = (name: string): Wanted[] =>
  Array.from({ length: 100 }, (_, index) => [`${name}-${index}`, 5, 50] as const);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Queues a run for each and waits for all of them. */
async function finish(engine: Engine, wanted: readonly Wanted[]): Promise<void> {
  await Promise.all(wanted.map((one) => submit(engine, one)));
  const open = new Set(wanted.map(([environment]) => environment));
  while (open.size > 0) {
    for (const environment of open) {
      const last = (await engine.journal.facts(environment)).at(-1);
      if (last?.type === "run.finished") open.delete(environment);
    }
    await clock.sleep(20);
  }
}

function submit({ queue }: Engine, [environment, count, ms]: Wanted): Promise<string> {
  const plan = planOf(environment, count, ms);
  const { digest: planDigest, scenario } = plan;
  const run: RunRecord = { id: environment, system, environment, plan };
  const reason = "measured";
  const requested = {
    seq: 1,
    at: clock.now(),
    actor: "bench",
    type: "run.requested",
    planDigest,
    scenario,
    reason,
  } as const;
  return queue.submit(run, [requested], undefined);
}

/** From the controller's death to the next owner's first fact. */
async function takeover(
  engine: Engine,
  environment: string,
  controllers: readonly ChildProcess[],
  fallback: number | undefined,
): Promise<number> {
  await submit(engine, [environment, 100, 100]);
  const owners = async () =>
    (await engine.journal.facts(environment)).flatMap((fact) => (fact.type === "run.owned" ? [fact] : []));
  let first = await owners();
  while (first.length === 0) {
    await clock.sleep(10);
    first = await owners();
  }
  await clock.sleep(300);
  const pid = first[0]?.owner.pid ?? fallback;
  const killed = clock.now();
  controllers.find((child) => child.pid === pid)?.kill("SIGKILL");
  let all = await owners();
  while (all.length < 2) {
    await clock.sleep(10);
    all = await owners();
  }
  await engine.journal.request(environment, { type: "cancel", actor: "bench", reason: "measured" });
  return (all[1]?.at ?? 0) - killed;
}

async function startController(url: string, controllers: ChildProcess[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [process.argv[1] ?? "", "dbos"], {
    env: { ...process.env, [asController]: url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  controllers.push(child);
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (status) => reject(new Error(`a controller ended with ${status}`)));
  });
  return child;
}

async function serve(url: string): Promise<Figure[]> {
  const engine = await open(url);
  const { journal } = engine;
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
  return [];
}

const performer: StepPerformer = {
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

function planOf(environment: string, count: number, ms: number): Plan {
  const steps = Array.from(
    { length: count },
    (_, index): PlanStep => ({
      id: `s${index}.do`,
      kind: "apply",
      subject: `s${index}`,
      driver: "bench",
      operation: "do",
      title: "do it",
      phase: "restore",
      needs: index === 0 ? [] : [`s${index - 1}.do`],
      awaits: [],
      input: { ms },
      impact: {},
      expectedMs: ms,
      timeoutMs: 30_000,
      retries: 0,
      onFailure: "stop",
    }),
  );
  const body: Omit<Plan, "digest"> = {
    version: 1,
    system,
    environment,
    scenario: "all",
    strategy: "restore",
    targets: {},
    checks: {},
    steps,
    estimate: { durationMs: 0, criticalPath: [], downtimeMs: 0 },
    warnings: [],
    objectives: {},
  };
  return { digest: contentDigest(body), ...body };
}

function startPostgres(): { readonly url: string; stop(): void } {
  const root = "/usr/lib/postgresql";
  const version = (existsSync(root) ? readdirSync(root) : []).sort((a, b) => Number(b) - Number(a))[0];
  if (version === undefined) {
    throw new Error(
      "this area needs PostgreSQL, which is not installed; on Debian: apt-get install postgresql",
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  const port = 20_000 + (process.pid % 12_000);
  const asRoot = process.getuid?.() === 0;
  const call = (program: string, ...args: string[]): void => {
    const argv = [
      ...(asRoot ? ["runuser", "-u", "postgres", "--"] : []),
      join(root, version, "bin", program),
      ...args,
    ];
    execFileSync(argv[0] ?? "", argv.slice(1), { cwd: folder, stdio: "ignore" });
  };
  if (asRoot) execFileSync("chown", ["postgres", folder]);
  const data = join(folder, "data");
  call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C");
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1`;
  call("pg_ctl", "-D", data, "-w", "-l", join(folder, "log"), "-o", options, "start");
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop() {
      call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
