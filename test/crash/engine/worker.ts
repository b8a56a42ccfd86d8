import { lastRun, unfinishedRun } from "../../../src/app/find-run.js";
import { cancelRun, followRun, type RunEvents, resumeRun, rollBack } from "../../../src/app/roll-back.js";
import { runInProgress } from "../../../src/app/run-lease.js";
import { executeAssigned } from "../../../src/app/serve-runs.js";
import { BackoutError } from "../../../src/core/errors.js";
import type { Fact } from "../../../src/core/run/fact.js";
import { openPlace, type Place, testPlan } from "./place.js";

/** What a process of the conformance suite is asked to do. One line of output for each thing that it has to say. */
export interface Work {
  readonly do: "go" | "control" | "ask" | "cancel";
  readonly place: Place;
  /** Sends itself this signal once so many facts of its own, or this one (`step.started db.stage`), are on disk. */
  readonly at?: { readonly fact: number | string; readonly signal: "SIGKILL" | "SIGSTOP" };
  /** Takes the run from whoever is at work on it. */
  readonly takeOver?: boolean;
  /** So many requests at once. */
  readonly times?: number;
  /** So long each effect takes, milliseconds. */
  readonly slow?: number;
}

const work = JSON.parse(process.argv[2] ?? "{}") as Work;
const say = (value: unknown): void => console.log(JSON.stringify(value));
const leave = new AbortController();
process.on("SIGTERM", () => leave.abort());

let written = 0;
function onFact(fact: Fact): void {
  const { fact: wanted, signal } = work.at ?? {};
  const name = `${fact.type} ${"step" in fact ? fact.step : ""}`.trim();
  say({ fact: name });
  if (signal !== undefined && (++written === wanted || name === wanted)) process.kill(process.pid, signal);
}
const events: RunEvents = { onFact, interrupt: leave.signal };

/** The same process may hold several. */
async function oneOf<Result>(use: (services: Awaited<ReturnType<typeof openPlace>>) => Promise<Result>) {
  const services = await openPlace(work.place);
  try {
    return await use(services);
  } finally {
    await services.close();
  }
}

/** Goes on with what is unfinished, or begins. */
const go = () =>
  oneOf(async (services) => {
    const reason = "test";
    const open = await unfinishedRun(services);
    const { run } =
      open === undefined
        ? await rollBack(services, testPlan(work.place, work.slow), { ...events, reason })
        : await resumeRun(services, { ...events, reason, ...(work.takeOver && { takeOver: true }) });
    return { run: run.id };
  });

/** Asked for before there was any run, whenever its turn comes: begins, or joins what has begun or ended meanwhile. */
const ask = () =>
  oneOf(async (services) => {
    const seen = { run: undefined };
    const join = async (error: unknown) => {
      const id = ((await runInProgress(services)) ?? (await lastRun(services))?.run)?.id;
      if (!(error instanceof BackoutError && error.code === "LOCKED") || id === undefined) throw error;
      return followRun(services, id, {});
    };
    const request = { reason: "test", seen };
    const { run, state } = await rollBack(services, testPlan(work.place, work.slow), request).catch(join);
    return { run: run.id, outcome: state.outcome };
  });

const control = () =>
  oneOf(async (services) => {
    await services.engine?.server.serve({
      system: work.place.system,
      signal: leave.signal,
      tell: say,
      execute: ({ run }) => executeAssigned(services, run, events),
    });
    return { left: true };
  });

const cancel = () =>
  oneOf(async (services) => {
    const { state } = await cancelRun(services, { reason: "wrong scenario" });
    return { outcome: state.outcome };
  });

try {
  if (work.do === "control") say(await control());
  else if (work.do === "cancel") say(await cancel());
  else if (work.do === "go") say(await go());
  else {
    const asked = Array.from({ length: work.times ?? 1 }, ask);
    say({ asked: await Promise.all(asked) });
  }
} catch (error) {
  const { code, message, hint } = error as BackoutError;
  say({ error: code ?? "none", message, hint });
}
