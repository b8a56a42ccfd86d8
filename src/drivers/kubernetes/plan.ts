import type { CapturedPart, Difference, Impact, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { Data } from "./capture.js";
import { type Change, keepMatches } from "./differences.js";
import type { Seen } from "./observe.js";
import type { TargetOptions } from "./target-options.js";

/** What the steps get. */
export type Input = {
  /** `Kind/name` → digest that the plan saw; an object that was not there is missing. */
  readonly expected: Readonly<Record<string, string>>;
  /** `Kind/name` of what the step brings back. */
  readonly objects: readonly string[];
  readonly keep: readonly string[];
  /** Only for `history`. */
  readonly historyLimit: number;
  /** Only for `rollout`: what running pods have read is put back, so that all have to be new. */
  readonly restart: boolean;
};

export const inputOf = (input: JsonObject): Input => input as unknown as Input;

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

export const kindOf = (key: string): string => key.slice(0, key.indexOf("/"));
const read = ["ConfigMap", "Secret"];

/** What is to go back: all that differs, apart from what is kept. */
export const toBringBack = (changes: readonly Change[], keep: readonly string[]): Change[] =>
  changes.filter((change) => !keep.some((one) => keepMatches(one, change)));

export function plan(input: PlanInput<TargetOptions, Data, Seen>): StepSpec[] {
  const { captured, observed, options, intent } = input;
  if (intent.quiesce) {
    throw refused(
      `${options.deployment}: cannot be stopped for what it uses`,
      "take `uses` out of its target",
    );
  }
  if (!intent.restore || captured === undefined) return [];
  refuseUnknownPlaces(intent.keep, observed.data, options);
  const changes = toBringBack(observed.data.changes, intent.keep);
  if (changes.length === 0) return [];
  const { reconciler } = observed.data;
  if (reconciler !== null && options.reconciler === "refuse") {
    throw refused(
      `${options.deployment}: is kept as it is by ${reconciler}, which would put the bad version back`,
      "pause it there or go back in its repository; then `reconciler: ignore`",
    );
  }
  return stepsFor(changes, captured, input);
}

function refuseUnknownPlaces(keep: readonly string[], { places }: Seen, { deployment }: TargetOptions): void {
  for (const one of keep) {
    const place = one.startsWith("/") ? `Deployment/${deployment}${one}` : one;
    if (places.some((known) => known === place || known.startsWith(`${place}/`))) continue;
    const last = place.slice(place.lastIndexOf("/"));
    const near = places.filter((known) => known.includes(last)).slice(0, 3);
    throw refused(
      `${deployment}: cannot keep "${one}": there is nothing at this path, neither now nor in the checkpoint`,
      near.length === 0
        ? "list members go by their names: /spec/template/spec/containers/NAME/…"
        : `is it "${near.join('" or "')}"?`,
    );
  }
}

function stepsFor(
  changes: readonly Change[],
  captured: CapturedPart<Data>,
  { observed, options, intent }: PlanInput<TargetOptions, Data, Seen>,
): StepSpec[] {
  const { digests, historyLimit, history, pace } = observed.data;
  const keys = [...new Set(changes.map(({ object }) => object))];
  const own = `Deployment/${options.deployment}`;
  const services = keys.filter((key) => kindOf(key) === "Service");
  const objects = keys.filter((key) => key !== own && !services.includes(key));
  const restart = objects.some((key) => read.includes(kindOf(key)));
  const common = { expected: digests, keep: intent.keep, historyLimit: options.historyLimit, restart };
  const shown = (wanted: readonly string[]): Difference[] =>
    changes
      .filter(({ object }) => wanted.includes(object))
      .map(({ object, path, captured, now }) => ({ what: `${object}${path}`, before: now, after: captured }));
  const steps: StepSpec[] = [];
  const needs = () => (steps.length === 0 ? {} : { needs: steps.map(({ operation }) => operation) });
  const rolls = restart || keys.includes(own);
  if (rolls && historyLimit < options.historyLimit && history >= historyLimit) {
    steps.push({
      operation: "history",
      title: `raise revisionHistoryLimit of ${options.deployment}, so that nothing to go back to is lost`,
      phase: "preserve",
      input: { ...common, objects: [] },
      impact: {
        changes: [
          {
            what: `${own}/spec/revisionHistoryLimit`,
            before: `${historyLimit}`,
            after: `${options.historyLimit}`,
          },
        ],
      },
      expectedMs: 500,
    });
  }
  if (objects.length > 0) {
    steps.push({
      operation: "objects",
      title: `put back ${objects.join(", ")}`,
      phase: "restore",
      ...needs(),
      input: { ...common, objects },
      impact: { changes: shown(objects) },
      expectedMs: 300 * objects.length,
    });
  }
  if (rolls) {
    const expectedMs = pace.rounds * pace.podMs;
    const impact: Impact = { changes: shown([own]), ...(pace.interrupts ? { interrupts: true } : {}) };
    steps.push({
      operation: "rollout",
      title: `bring ${options.deployment} back to ${captured.summary}, and wait for its ${pace.replicas} pods`,
      phase: "restore",
      ...needs(),
      input: { ...common, objects: [own] },
      impact,
      expectedMs,
      timeoutMs: Math.max(120_000, 2 * pace.rounds * Math.max(pace.podMs, pace.worstPodMs)),
    });
  }
  if (services.length > 0) {
    steps.push({
      operation: "traffic",
      title: `let ${services.join(", ")} lead to the pods as captured`,
      phase: "restore",
      ...needs(),
      input: { ...common, objects: services },
      impact: { changes: shown(services) },
      expectedMs: 300 * services.length,
    });
  }
  return steps;
}
