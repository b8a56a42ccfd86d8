import type { ChildProcess } from "node:child_process";
import type { Plan } from "../../src/core/plan/plan.js";
import type { RunRecord } from "../../src/core/run/run-journal.js";
import type { Engine } from "../../src/dbos/open-engine.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import { controllersDatabase, openBenchEngine, serveAsController, startController } from "../controllers.js";
import { type Figure, figure } from "../figure.js";
import { chained, madePlan } from "../made-plan.js";
import { startPostgres } from "../own-postgres.js";
import { besideScriptFigures, copied, layRealSteps, realSteps, script } from "../real-steps.js";
import { inFolder } from "../run-plan.js";
import { inTurn, timeProcess } from "../timed.js";

const area = "dbos";

/** The scaled-out engine, over a PostgreSQL of its own. */
export async function overDbos(): Promise<Figure[]> {
  const given = controllersDatabase();
  if (given !== undefined) {
    await serveAsController(given);
    return [];
  }
  return inFolder(async (folder) => {
    const server = startPostgres();
    const controllers: ChildProcess[] = [];
    const start = (): Promise<ChildProcess> => startController(server.url, controllers, folder);
    try {
      const engine = await openBenchEngine(server.url);
      try {
        const one = await start();
        const beside = await besideScript(engine, folder);
        const scale = await chainAndHundreds(engine, start);
        const takeover = await takeovers(engine, controllers, one, start);
        return [...beside, ...scale, takeover];
      } finally {
        await engine.close();
      }
    } finally {
      for (const child of controllers) child.kill("SIGKILL");
      server.stop();
    }
  });
}

/** From the request to the last fact, the controller being up: the same effects as the embedded engine's. */
async function besideScript(engine: Engine, folder: string): Promise<Figure[]> {
  layRealSteps(folder);
  const run = async (chains: number): Promise<number> =>
    copied(
      folder,
      await timed(() => finish(engine, [made((environment) => realSteps(chains, environment))])),
    );
  const rounds = await inTurn(5, async () => ({
    script: copied(folder, timeProcess(script, { cwd: folder })),
    chain: await run(1),
    parallel: await run(5),
  }));
  return besideScriptFigures(area, rounds);
}

async function chainAndHundreds(engine: Engine, start: () => Promise<unknown>): Promise<Figure[]> {
  const chain = await timed(() => finish(engine, [made(waiting(200, 0))]));
  const against = "5 steps of 50 ms each";
  const alone = await timed(() => finish(engine, hundred()));
  await start();
  await start();
  const three = await timed(() => finish(engine, hundred()));
  const unit = "runs/s";
  return [
    figure({ area, figure: "overhead a step", unit: "ms", values: [chain / 200], against: "200 in a chain" }),
    figure({ area, figure: "100 runs, 1 controller", unit, values: [100_000 / alone], against }),
    figure({ area, figure: "100 runs, 3 controllers", unit, values: [100_000 / three], against }),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

interface Made {
  readonly environment: string;
  readonly plan: Plan;
}

let environments = 0;

/** Each run has an environment of its own: one at a time is the rule in one. */
function made(plan: (environment: string) => Plan): Made {
  const environment = `e${environments++}`;
  return { environment, plan: plan(environment) };
}

const waiting =
  (count: number, ms: number) =>
  (environment: string): Plan =>
    madePlan(
      chained(count).map((step) => ({ ...step, input: { ms } })),
      {},
      environment,
    );

const hundred = (): Made[] => Array.from({ length: 100 }, () => made(waiting(5, 50)));

/** Queues a run for each and waits for all of them. */
async function finish(engine: Engine, wanted: readonly Made[]): Promise<void> {
  await Promise.all(wanted.map((one) => submit(engine, one)));
  const open = new Set(wanted.map(({ environment }) => environment));
  while (open.size > 0) {
    for (const environment of open) {
      const last = (await engine.journal.facts(environment)).at(-1);
      if (last?.type === "run.finished") open.delete(environment);
    }
    await clock.sleep(20);
  }
}

function submit({ queue }: Engine, { environment, plan }: Made): Promise<string> {
  const { digest: planDigest, scenario, system } = plan;
  const run: RunRecord = { id: environment, system, environment, plan };
  const asked = { seq: 1, at: clock.now(), actor: "bench", reason: "measured" };
  return queue.submit(run, [{ ...asked, type: "run.requested", planDigest, scenario }], undefined);
}

async function takeovers(
  engine: Engine,
  controllers: readonly ChildProcess[],
  first: ChildProcess,
  start: () => Promise<unknown>,
): Promise<Figure> {
  const values: number[] = [];
  for (const fallback of [first, controllers[1]]) {
    values.push(await takeover(engine, controllers, fallback?.pid));
    await start();
  }
  return figure({ area, figure: "takeover", unit: "ms", values, most: 2_000, against: "after SIGKILL" });
}

/** From the controller's death to the next owner's first fact. */
async function takeover(
  engine: Engine,
  controllers: readonly ChildProcess[],
  fallback: number | undefined,
): Promise<number> {
  const long = made(waiting(100, 100));
  const { environment } = long;
  await submit(engine, long);
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
