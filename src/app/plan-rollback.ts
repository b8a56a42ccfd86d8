import { type Checkpoint, ensureBelongs } from "../core/checkpoint/manifest.js";
import { type ProofStanding, proofStanding } from "../core/checkpoint/proof-record.js";
import type { CapturedPart, Observation, ObserveContext, TargetDriver } from "../core/driver.js";
import { BackoutError, type Problem, ProblemsError, problem } from "../core/errors.js";
import { involvedTargets } from "../core/plan/involved-targets.js";
import { makePlan, type PlanPart } from "../core/plan/make-plan.js";
import type { Plan } from "../core/plan/plan.js";
import type { ScenarioDefinition } from "../core/playbook/playbook.js";
import { type CallEvents, driverContext, loadTarget } from "./driver-call.js";
import { knownBad } from "./known-bad.js";
import type { Services } from "./services.js";

export interface PlanChoice extends CallEvents {
  /** Default: the only one, or the one named `default`, or the change's. */
  readonly scenario?: string | undefined;
  readonly change?: string | undefined;
  /** Id, beginning of an id, or `latest`. Default: the newest that was made for the change, or the newest. */
  readonly checkpoint?: string | undefined;
  readonly acceptUnproven?: boolean | undefined;
  readonly acceptKnownBad?: boolean | undefined;
}

/** Looks at the world once and plans the way back. Refuses, with every reason at once, what cannot work. */
export async function planRollback(services: Services, choice: PlanChoice): Promise<Plan> {
  const { playbook } = services;
  const name = scenarioName(services, choice);
  const scenario = playbook.scenarios[name] as ScenarioDefinition;
  if (choice.change !== undefined && playbook.changes[choice.change] === undefined) {
    throw unknown("change", choice.change, Object.keys(playbook.changes));
  }
  const checkpoint = scenario.restore.length === 0 ? undefined : await chooseCheckpoint(services, choice);
  const parts = checkpoint === undefined ? {} : await usableParts(services, checkpoint, scenario, choice);
  const drivers = new Map<string, TargetDriver>();
  for (const target of involvedTargets(playbook, scenario, drivers)) {
    const { driver } = playbook.targets[target] as { driver: string };
    drivers.set(driver, await services.drivers.target(driver));
  }
  const names = involvedTargets(playbook, scenario, drivers);
  await refuseOwnEngine(services, names);
  const observations = await observeAll(services, names, checkpoint, parts, choice);
  const result = makePlan({
    playbook,
    scenario: name,
    ...(choice.change === undefined ? {} : { change: choice.change }),
    ...(checkpoint === undefined ? {} : { checkpoint: { id: checkpoint.id, at: checkpoint.at, parts } }),
    drivers,
    observations,
    knownBad: choice.acceptKnownBad ? [] : await knownBad(services),
  });
  if ("plan" in result) return result.plan;
  throw new ProblemsError("REFUSED", `${name}: there is no way back like this`, result.problems);
}

/** What the run is executed with must not be brought back by the run. */
async function refuseOwnEngine(services: Services, names: readonly string[]): Promise<void> {
  const { queue, host } = services;
  if (queue === undefined) return;
  const problems: Problem[] = [];
  for (const name of names) {
    const { driver, options } = await loadTarget(services, name);
    for (const claim of driver.claims?.(options, (path) => host.files.resolve(path)) ?? []) {
      if (!(await queue.owns(claim))) continue;
      const hint = "let the engine have a database of its own, outside of what is rolled back (`engine:`)";
      problems.push(
        problem(name, `"${claim}" is the database of the engine that would execute the run`, hint),
      );
    }
  }
  if (problems.length > 0) throw new ProblemsError("REFUSED", "the engine cannot roll itself back", problems);
}

/** The one that was named, or the only one, or the one called `default`. */
export function scenarioName({ playbook }: Services, { scenario }: Pick<PlanChoice, "scenario">): string {
  const { scenarios } = playbook;
  const names = Object.keys(scenarios);
  if (scenario !== undefined) {
    if (scenarios[scenario] === undefined) throw unknown("scenario", scenario, names);
    return scenario;
  }
  const only = names.length === 1 ? names[0] : names.find((name) => name === "default");
  if (only !== undefined) return only;
  throw new BackoutError("USAGE", `which way back? The playbook has several scenarios: ${names.join(", ")}`, {
    effect: "none",
    hint: `backout plan ${names[0]}`,
  });
}

function unknown(kind: string, name: string, known: readonly string[]): BackoutError {
  const hint = known.length === 0 ? `the playbook has no ${kind}` : `known: ${known.join(", ")}`;
  return new BackoutError("NOT_FOUND", `there is no ${kind} "${name}"`, { effect: "none", hint });
}

/** A damaged one that may be the newest is said, rather than an older one taken in its place (H02). */
async function chooseCheckpoint(services: Services, choice: PlanChoice): Promise<Checkpoint> {
  const { system, environment } = services.playbook;
  if (choice.checkpoint !== undefined && choice.checkpoint !== "latest") {
    const chosen = await services.checkpoints.load(choice.checkpoint);
    ensureBelongs(chosen, system, environment);
    return chosen;
  }
  const scope = { system, environment };
  const { checkpoints, damaged } = await services.checkpoints.list(scope);
  const made = checkpoints.findLast((one) => choice.change !== undefined && one.change === choice.change);
  if (made === undefined) return services.checkpoints.load("latest", scope);
  const doubtful = damaged.find(({ id }) => id > made.id);
  if (doubtful !== undefined) throw doubtful.error;
  return made;
}

/** Parts of the targets to be restored, whose artifacts are unaltered and whose proof is good (or accepted). */
async function usableParts(
  services: Services,
  checkpoint: Checkpoint,
  scenario: ScenarioDefinition,
  choice: PlanChoice,
): Promise<Record<string, PlanPart>> {
  const { playbook, clock, checkpoints } = services;
  const wanted = scenario.restore.filter((name) => checkpoint.parts[name] !== undefined);
  const [altered, proofs] = await Promise.all([
    checkpoints.verify(checkpoint.id),
    checkpoints.proofs(checkpoint.id),
  ]);
  const problems: Problem[] = altered.filter(({ path }) => path === checkpoint.id || wanted.includes(path));
  const parts: Record<string, PlanPart> = {};
  for (const name of wanted) {
    const standing = proofStanding(proofs[name] ?? [], {
      now: clock.now(),
      expireMs: playbook.proofs.expire,
    });
    const doubt = doubtOf(standing);
    if (doubt !== undefined && !choice.acceptUnproven) {
      const hint = `backout prove ${checkpoint.id}, or in an emergency --accept-unproven`;
      problems.push(problem(name, `its part of checkpoint "${checkpoint.id}" ${doubt}`, hint));
    }
    const restoreMs = standing.record?.restoreMs;
    parts[name] = {
      part: checkpoint.parts[name] as CapturedPart,
      ...(restoreMs === undefined ? {} : { restoreMs }),
    };
  }
  if (problems.length > 0) {
    throw new ProblemsError("REFUSED", `checkpoint "${checkpoint.id}" cannot be relied on`, problems);
  }
  return parts;
}

/** Why its proof is not good enough to rely on; nothing where it is. */
function doubtOf({ record, failed, expired }: ProofStanding): string | undefined {
  if (failed) return "failed its proof";
  if (expired) return "was proven too long ago";
  return record === undefined ? "has not been proven to restore" : undefined;
}

async function observeAll(
  services: Services,
  names: readonly string[],
  checkpoint: Checkpoint | undefined,
  parts: Readonly<Record<string, PlanPart>>,
  events: CallEvents,
): Promise<Record<string, Observation>> {
  const problems: Problem[] = [];
  const seen = await Promise.all(
    names.map(async (name) => {
      try {
        return [name, await observe(services, name, checkpoint, parts[name]?.part, events)] as const;
      } catch (error) {
        if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
        problems.push(problem(name, error.message, error.hint));
        return undefined;
      }
    }),
  );
  if (problems.length > 0)
    throw new ProblemsError("REFUSED", "not every target could be looked at", problems);
  return Object.fromEntries(seen.filter((one) => one !== undefined));
}

async function observe(
  services: Services,
  name: string,
  checkpoint: Checkpoint | undefined,
  captured: CapturedPart | undefined,
  events: CallEvents,
): Promise<Observation> {
  const { driver, options } = await loadTarget(services, name);
  const context: ObserveContext = driverContext(services, name, events);
  if (checkpoint === undefined || captured === undefined) return driver.observe(options, context);
  const scratch = services.scratch(`observe-${name}`);
  try {
    const artifacts = services.checkpoints.reader(checkpoint.id, name, scratch.folder);
    return await driver.observe(options, { ...context, artifacts }, captured);
  } finally {
    await scratch.done();
  }
}
