import type { Observation, ObserveContext, TargetDriver } from "../core/driver.js";
import { BackoutError, type Problem, ProblemsError, problem } from "../core/errors.js";
import { doneWork, type JournaledRun, type TargetWork, touched } from "../core/plan/done-work.js";
import type { Plan, PlannedTarget } from "../core/plan/plan.js";
import { makeUndoPlan } from "../core/plan/undo-plan.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import { findRun } from "./find-run.js";
import type { Services } from "./services.js";

export interface UndoChoice extends CallEvents {
  /** Id or the beginning of one. Default: the newest. */
  readonly run?: string | undefined;
  /** Default: the checks that the run had are asked. */
  readonly checks?: boolean | undefined;
}

/** Plans how a run is taken back, from what its steps kept. Refuses, with every reason at once, what cannot work. */
export async function planUndo(services: Services, choice: UndoChoice): Promise<Plan> {
  const { run: found } = await findRun(services, choice.run);
  const run: JournaledRun = { ...found, facts: await services.journal.facts(found.id) };
  const drivers = new Map<string, TargetDriver>();
  for (const { driver } of Object.values(run.plan.targets)) {
    drivers.set(driver, await services.drivers.target(driver));
  }
  const later = await laterRuns(services, run.id);
  const work = doneWork(run);
  const checkpoint = await usableCheckpoint(services, run.plan);
  const finished = run.facts.some(({ type }) => type === "run.finished");
  const looked = finished
    ? await Promise.all(
        Object.keys(run.plan.targets).map((name) =>
          look(services, name, run.plan, work.get(name) as TargetWork, drivers, checkpoint, choice),
        ),
      )
    : [];
  const unseen = looked.flatMap(({ unseen: one }) => one ?? []);
  const result = makeUndoPlan({
    run,
    later,
    drivers,
    observations: Object.fromEntries(
      looked.flatMap(({ name, observed }) => (observed === undefined ? [] : [[name, observed]])),
    ),
    unseen,
    checkpoint,
    checks: choice.checks ?? true,
  });
  if ("plan" in result) return result.plan;
  throw new ProblemsError("REFUSED", `run "${run.id}" cannot be taken back`, result.problems);
}

async function laterRuns(
  { journal, playbook }: Services,
  id: string,
): Promise<{ run: string; targets: readonly string[] }[]> {
  const ids = await journal.runIds(playbook.system, playbook.environment);
  const later: { run: string; targets: readonly string[] }[] = [];
  for (const run of ids.slice(ids.indexOf(id) + 1).toReversed()) {
    const targets = touched({ ...(await journal.run(run)), facts: await journal.facts(run) });
    later.push({ run, targets });
  }
  return later;
}

/** What was captured only helps to count: without it, the undo works all the same. */
async function usableCheckpoint(
  { checkpoints }: Services,
  { checkpoint }: Plan,
): Promise<Plan["checkpoint"]> {
  if (checkpoint === undefined) return undefined;
  try {
    return (await checkpoints.verify(checkpoint.id)).length === 0 ? checkpoint : undefined;
  } catch (error) {
    if (error instanceof BackoutError) return undefined;
    throw error;
  }
}

interface Looked {
  readonly name: string;
  readonly observed?: Observation;
  readonly unseen?: Problem;
}

/** A target that the run did nothing to is left alone. */
async function look(
  services: Services,
  name: string,
  plan: Plan,
  { work, restarted }: TargetWork,
  drivers: ReadonlyMap<string, TargetDriver>,
  checkpoint: Plan["checkpoint"],
  events: CallEvents,
): Promise<Looked> {
  const target = plan.targets[name] as PlannedTarget;
  const driver = drivers.get(target.driver) as TargetDriver;
  const takenBack = work.steps.length > 0;
  if ((!takenBack && !restarted) || (takenBack && driver.undo === undefined)) return { name };
  try {
    const options = driver.options.parse(await services.resolve(target.with, `targets.${name}.with`));
    const scratch = services.scratch(`undo-${name}`);
    try {
      const artifacts = checkpoint && services.checkpoints.reader(checkpoint.id, name, scratch.folder);
      const context: ObserveContext = {
        ...driverContext(services, name, events),
        ...(artifacts === undefined ? {} : { artifacts }),
      };
      const observed =
        takenBack && driver.undo !== undefined
          ? await driver.undo.observe(work, options, context)
          : await driver.observe(options, context, target.captured);
      return { name, observed };
    } finally {
      await scratch.done();
    }
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    return { name, unseen: problem(name, error.message, error.hint) };
  }
}
