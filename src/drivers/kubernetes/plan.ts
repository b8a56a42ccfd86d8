import prettyMs from "pretty-ms";
import type { Difference, Impact, PlanInput, StepSpec } from "../../core/driver.js";
import type { Data } from "./capture.js";
import type { Chosen } from "./chosen.js";
import { type Change, keepMatches } from "./differences.js";
import type { Input } from "./input.js";
import type { Seen } from "./observe.js";
import { isWorkload, nameOf } from "./piece.js";
import { refused, refuseReconciled, refuseUnknownPlaces } from "./plan-refusals.js";
import { subjectOfTarget, type TargetOptions } from "./target-options.js";

/** What is to go back: all that differs, apart from what is kept. */
export const toBringBack = (changes: readonly Change[], keep: readonly string[]): Change[] =>
  changes.filter((change) => !keep.some((one) => keepMatches(one, change)));

/** A first way may have set all that differed, and its pods never became ready: the other ways are for that. */
const stuck = ({ workloads }: Seen, { way }: TargetOptions): Change[] =>
  Object.entries(workloads).flatMap(([object, { unready }]) =>
    way === "patch" || unready === null
      ? []
      : [{ object, path: "", captured: "every pod ready", now: unready }],
  );

type Wanted = Pick<PlanInput<TargetOptions, Data, Seen>, "observed" | "options" | "intent">;

export function plan(input: PlanInput<TargetOptions, Data, Seen>): StepSpec[] {
  const { captured, observed, options, intent } = input;
  const { chosen } = observed.data;
  if (chosen !== null && (intent.restore || intent.restart)) {
    const changes = toBringBack(observed.data.changes, intent.keep);
    const wanted = { observed, options, intent: { ...intent, restart: false } };
    return stepsFor(changes, chosen.summary, null, wanted, chosen);
  }
  const restores = intent.restore && captured !== undefined;
  if (restores) refuseUnknownPlaces(intent.keep, observed.data, options);
  const changes = restores
    ? [...toBringBack(observed.data.changes, intent.keep), ...stuck(observed.data, options)]
    : [];
  return stepsFor(changes, captured?.summary ?? "", null, input);
}

/** Also for an undo, from what the run had kept. */
export function stepsFor(
  changes: readonly Change[],
  backTo: string,
  from: string | null,
  { observed, options, intent }: Wanted,
  chosen: Chosen | null = null,
): StepSpec[] {
  const seen = observed.data;
  const groups = groupsOf(changes, seen);
  const { way } = options;
  const stops = intent.quiesce || (way === "scale-down" && groups.rolls.length > 0);
  const removed = way === "recreate" ? groups.rolls.filter((key) => key in seen.workloads) : [];
  if (removed.length > 0 && intent.keep.length > 0) {
    throw refused(
      `${subjectOfTarget(options)}: what is deleted cannot keep "${intent.keep.join('", "')}"`,
      "leave `keep` out of the change, or take another way back",
    );
  }
  if (changes.length > 0) refuseReconciled(groups.rolls, seen, options);
  const common = {
    ...{
      expected: expectedOf(seen, stops, removed),
      keep: intent.keep,
      historyLimit: options.historyLimit,
    },
    ...{ restart: groups.restart, stopped: stops, from, chosen },
    restores: changes.length > 0 && chosen === null,
  };
  const steps: StepSpec[] = [];
  const add = (
    step: Pick<StepSpec, "operation" | "title" | "phase" | "expectedMs"> &
      Partial<StepSpec> & { readonly objects: readonly string[] },
  ): void => {
    const { objects, ...rest } = step;
    const input: Input = { ...common, objects };
    const earlier = steps
      .filter(({ phase, onFailure }) => phase === step.phase && onFailure !== "continue")
      .map(({ operation }) => operation);
    steps.push({ ...(earlier.length === 0 ? {} : { needs: earlier }), ...rest, input });
  };
  if (changes.length > 0) {
    add({
      ...{ operation: "keep", phase: "preserve", objects: [], expectedMs: 300, timeoutMs: 10_000 },
      title: `keep what is there of ${subjectOfTarget(options)}, for an undo`,
      // A rollback does not wait for what only serves to take it back.
      onFailure: "continue",
    });
  }
  addHistory(groups.rolls, seen, options, add);
  if (stops) addStop(seen, options, add);
  if (removed.length > 0) addRemove(removed, add);
  if (chosen?.way === "switch" && groups.objects.length > 0) {
    addSwitch(chosen, shown(changes, groups.objects), options, add);
  } else if (groups.objects.length > 0) {
    add({
      ...{ operation: "objects", phase: "restore", objects: groups.objects },
      title: `put back ${listed(groups.objects)}`,
      impact: { changes: shown(changes, groups.objects) },
      expectedMs: 100 * groups.objects.length,
    });
  }
  if (groups.rolls.length > 0) {
    const { expectedMs, timeoutMs, interrupts, pods } = timesOf(groups.rolls, seen);
    const impact: Impact = {
      changes: shown(changes, groups.rolls),
      ...(interrupts && !stops ? { interrupts: true } : {}),
    };
    const wait = stops ? "" : `, and wait for ${pods} pods`;
    const helm = helmOf(groups.rolls, seen);
    add({
      ...{ operation: "rollout", phase: "restore", objects: groups.rolls, impact },
      title:
        chosen?.way === "switch"
          ? `make every pod of ${listed(groups.rolls)} anew, with ${backTo}${wait}${helm}`
          : `bring ${listed(groups.rolls)} back to ${backTo}${wait}${helm}`,
      ...(stops ? { expectedMs: 500 } : { expectedMs, timeoutMs }),
    });
  }
  if (groups.services.length > 0) {
    add({
      ...{ operation: "traffic", phase: "restore", objects: groups.services },
      title: `let ${listed(groups.services)} lead to the pods as captured`,
      impact: { changes: shown(changes, groups.services) },
      expectedMs: 100 * groups.services.length,
    });
  }
  if (chosen?.way === "switch" && groups.rolls.length > 0 && options.switch?.seen === "process") {
    add({
      ...{ operation: "seen", phase: "restore", objects: groups.rolls, expectedMs: 1_000 },
      title: `ask every process of ${listed(groups.rolls)} whether it has ${backTo}`,
    });
  }
  if (stops) addStart(seen, options, add);
  else if (intent.restart) addRestart(seen, options, add);
  return steps;
}

/** What the steps find is what was seen, but for what earlier steps of the plan have done. */
function expectedOf(
  seen: Seen,
  stops: boolean,
  removed: readonly string[],
): Readonly<Record<string, string>> {
  const digests = stops ? { ...seen.digests, ...seen.unscaled } : seen.digests;
  return Object.fromEntries(Object.entries(digests).filter(([key]) => !removed.includes(key)));
}

type Add = (
  step: Pick<StepSpec, "operation" | "title" | "phase" | "expectedMs"> &
    Partial<StepSpec> & { readonly objects: readonly string[] },
) => void;

const listed = (keys: readonly string[]): string =>
  keys.length <= 4 ? keys.join(", ") : `${keys.slice(0, 3).join(", ")} and ${keys.length - 3} more`;

const shown = (changes: readonly Change[], wanted: readonly string[]): Difference[] =>
  changes
    .filter(({ object }) => wanted.includes(object))
    .map(({ object, path, captured, now }) => ({ what: `${object}${path}`, before: now, after: captured }));

const kindOf = (key: string) => nameOf(key).kind;

/** Configuration before the pods that read it, traffic after them. */
function groupsOf(changes: readonly Change[], { reads }: Seen) {
  const keys = [...new Set(changes.map(({ object }) => object))];
  const services = keys.filter((key) => kindOf(key) === "Service");
  const objects = keys.filter((key) => !isWorkload(kindOf(key)) && !services.includes(key));
  const restart = Object.entries(reads)
    .filter(([, read]) => read.some((one) => objects.includes(one)))
    .map(([key]) => key);
  const rolls = [...new Set([...keys.filter((key) => isWorkload(kindOf(key))), ...restart])].sort();
  return { services, objects, restart, rolls };
}

/** Helm undoes nothing by itself, but its own record goes on naming the version that is left. */
function helmOf(rolls: readonly string[], { workloads }: Seen): string {
  const releases = [...new Set(rolls.flatMap((key) => workloads[key]?.helm ?? []))];
  return releases.length === 0 ? "" : `; Helm (${releases.join(", ")}) is not told`;
}

function addSwitch(
  { object, summary }: Chosen & { readonly way: "switch" },
  changes: readonly Difference[],
  { switch: flag }: TargetOptions,
  add: Add,
): void {
  const weakens = flag?.weakens;
  const until = flag?.expires === undefined ? "" : `, for ${prettyMs(flag.expires)}`;
  add({
    ...{ operation: "switch", phase: "restore", objects: [object], expectedMs: 200 },
    title: `set ${object}: ${summary}${until}`,
    impact: { changes, ...(weakens === undefined ? {} : { security: weakens, needsApproval: true }) },
  });
}

function addHistory(rolls: readonly string[], { workloads }: Seen, options: TargetOptions, add: Add): void {
  const wanted = options.historyLimit;
  const small = rolls.filter((key) => {
    const { historyLimit = wanted, history = 0 } = workloads[key] ?? {};
    return historyLimit < wanted && history >= historyLimit;
  });
  if (small.length === 0) return;
  add({
    ...{ operation: "history", phase: "preserve", objects: small, expectedMs: 300 },
    title: `raise revisionHistoryLimit of ${listed(small)}, so that nothing to go back to is lost`,
    impact: {
      changes: small.map((key) => ({
        what: `${key}/spec/revisionHistoryLimit`,
        before: `${workloads[key]?.historyLimit}`,
        after: `${wanted}`,
      })),
    },
  });
}

/** All go at the same time: the slowest counts. */
function timesOf(keys: readonly string[], { workloads }: Seen) {
  const paces = keys.flatMap((key) => workloads[key]?.pace ?? []);
  const most = (values: readonly number[]) => Math.max(0, ...values);
  return {
    expectedMs: Math.max(1_000, most(paces.map(({ rounds, podMs }) => rounds * podMs))),
    timeoutMs: Math.max(
      120_000,
      most(paces.map(({ rounds, podMs, worstPodMs }) => 2 * rounds * Math.max(podMs, worstPodMs))),
    ),
    // One that is gone serves nobody until it is made again.
    interrupts: paces.some(({ interrupts }) => interrupts) || paces.length < keys.length,
    pods: paces.reduce((sum, { pods }) => sum + pods, 0),
  };
}

function stoppable({ workloads }: Seen, options: TargetOptions): string[] {
  const keys = Object.keys(workloads);
  const daemons = keys.filter((key) => kindOf(key) === "DaemonSet");
  if (daemons.length === 0 && keys.length > 0) return keys;
  throw refused(
    daemons.length === 0
      ? `${subjectOfTarget(options)}: has no workload that could be stopped for what it uses`
      : `${listed(daemons)}: a DaemonSet cannot be scaled to nothing for what it uses`,
    "take `uses` out of its target",
  );
}

/** H68: it is itself the outage, so the plan says so. */
function addStop(seen: Seen, options: TargetOptions, add: Add): void {
  const keys = stoppable(seen, options);
  add({
    ...{ operation: "stop", phase: "quiesce", objects: keys, expectedMs: 10_000, timeoutMs: 300_000 },
    title: `scale ${listed(keys)} to nothing, and wait until no pod is left`,
    impact: { interrupts: true },
  });
}

/** H35: the cluster's own history goes with it, so this is nobody's first way. */
function addRemove(keys: readonly string[], add: Add): void {
  add({
    ...{ operation: "remove", phase: "restore", objects: keys, expectedMs: 10_000, timeoutMs: 300_000 },
    title: `delete ${listed(keys)} with the history, and wait until no pod is left`,
    impact: { interrupts: true },
  });
}

function addStart(seen: Seen, options: TargetOptions, add: Add): void {
  const keys = stoppable(seen, options);
  const { expectedMs, timeoutMs, pods } = timesOf(keys, seen);
  add({
    ...{ operation: "start", phase: "resume", objects: keys, expectedMs, timeoutMs },
    title: `scale ${listed(keys)} up again, and wait for ${pods} pods`,
  });
}

function addRestart(seen: Seen, options: TargetOptions, add: Add): void {
  const keys = Object.keys(seen.workloads);
  if (keys.length === 0) {
    throw refused(
      `${subjectOfTarget(options)}: has no workload that could be restarted`,
      "take it out of `restart`",
    );
  }
  const { expectedMs, timeoutMs, interrupts, pods } = timesOf(keys, seen);
  add({
    ...{ operation: "restart", phase: "resume", objects: keys, expectedMs, timeoutMs },
    title: `make every pod of ${listed(keys)} anew, and wait for ${pods}`,
    ...(interrupts ? { impact: { interrupts: true } } : {}),
  });
}
