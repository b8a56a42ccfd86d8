import type { Checkpoint } from "../core/checkpoint/checkpoint-store.js";
import { proofState } from "../core/checkpoint/proof-state.js";
import type { CapturedPart, Observation, ObserveContext, TargetDriver } from "../core/driver.js";
import { BackoutError, type Problem, ProblemsError, problem } from "../core/errors.js";
import { involvedTargets, makePlan, type PlanPart } from "../core/plan/make-plan.js";
import type { Plan } from "../core/plan/plan.js";
import type { ScenarioDefinition } from "../core/playbook/playbook.js";
import { type CallEvents, driverContext, loadTarget } from "./driver-call.js";
import { knownBad } from "./known-bad.js";
import type { Services } from "./services.js";

export interface PlanChoice extends CallEvents {
  /** Default: the only one, or the one named `default`, or the change's. */
  readonly scenario?: string;
  readonly change?: string;
  /** Id, beginning of an id, or `latest`. Default: the newest that was made for the change, or the newest. */
  readonly checkpoint?: string;
  readonly acceptUnproven?: boolean;
  readonly acceptKnownBad?: boolean;
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
  const names = involvedTargets(playbook, scenario);
  const drivers = new Map<string, TargetDriver>();
  for (const target of names) {
    const { driver } = playbook.targets[target] as { driver: string };
    drivers.set(driver, await services.drivers.target(driver));
  }
  const observations = await observeAll(services, names, checkpoint, parts, choice);
  const result = makePlan({
    playbook,
    scenario: name,
    ...(choice.change === undefined ? {} : { change: choice.change }),
    ...(checkpoint === undefined ? {} : { checkpoint: { id: checkpoint.id, at: checkpoint.at, parts } }),
    drivers,
    observations,
    knownBad: choice.acceptKnownBad ? [] : knownBad(services),
  });
  if ("plan" in result) return result.plan;
  throw new ProblemsError("REFUSED", `${name}: there is no way back like this`, result.problems);
}

function scenarioName(services: Services, { scenario }: PlanChoice): string {
  const { scenarios } = services.playbook;
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

async function chooseCheckpoint(services: Services, choice: PlanChoice): Promise<Checkpoint | undefined> {
  const { system, environment } = services.playbook;
  if (choice.checkpoint !== undefined && choice.checkpoint !== "latest") {
    const chosen = await services.checkpoints.load(choice.checkpoint);
    if (chosen.system === system && chosen.environment === environment) return chosen;
    throw new BackoutError(
      "REFUSED",
      `checkpoint "${chosen.id}" is of ${chosen.system}/${chosen.environment}, not of ${system}/${environment}`,
      { effect: "none", hint: "backout checkpoint list" },
    );
  }
  const own = (await services.checkpoints.list()).filter(
    (one) => one.system === system && one.environment === environment,
  );
  return own.find((one) => choice.change !== undefined && one.change === choice.change) ?? own[0];
}

/** Parts of the targets to be restored, whose artifacts are unaltered and whose proof is good (or accepted). */
async function usableParts(
  services: Services,
  checkpoint: Checkpoint,
  scenario: ScenarioDefinition,
  choice: PlanChoice,
): Promise<Record<string, PlanPart>> {
  const { playbook, clock } = services;
  const wanted = scenario.restore.filter((name) => checkpoint.parts[name] !== undefined);
  const problems: Problem[] = [...(await services.checkpoints.verify(checkpoint, wanted))];
  const proofs = await services.checkpoints.proofs(checkpoint.id);
  const parts: Record<string, PlanPart> = {};
  for (const name of wanted) {
    const proof = proofState(proofs[name], clock.now(), playbook.proofs.expire);
    if (proof.state !== "good" && !choice.acceptUnproven) {
      const why = {
        unproven: "has not been proven to restore",
        expired: "was proven too long ago",
        failed: "failed its proof",
      };
      problems.push(
        problem(
          name,
          `its part of checkpoint "${checkpoint.id}" ${why[proof.state]}`,
          `backout prove ${checkpoint.id}, or in an emergency --accept-unproven`,
        ),
      );
    }
    const part = checkpoint.parts[name] as CapturedPart;
    const restoreMs = proof.record?.restoreMs;
    parts[name] = { part, ...(restoreMs === undefined ? {} : { restoreMs }) };
  }
  if (problems.length > 0) {
    throw new ProblemsError("REFUSED", `checkpoint "${checkpoint.id}" cannot be relied on`, problems);
  }
  return parts;
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
  const scratch = await services.scratch(`observe-${name}`);
  try {
    const artifacts = services.checkpoints.reader(checkpoint, name, scratch.folder);
    return await driver.observe(options, { ...context, artifacts }, captured);
  } finally {
    await scratch.done();
  }
}
