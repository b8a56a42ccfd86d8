import { isCode } from "../../clients/kubernetes/api-error.js";
import type { KubernetesObject, LabelSelector, Specified } from "../../clients/kubernetes/objects.js";
import { matchesLabels, matchesSelector, type Reader } from "../../clients/kubernetes/read.js";
import {
  isWorkload,
  keyOf,
  type ObjectName,
  type OtherKind,
  pieceOf,
  type Snapshot,
  workloadPiece,
} from "./piece.js";
import { referencesOf } from "./references.js";
import { otherNames, scopeOf } from "./scope.js";
import type { TargetOptions } from "./target-options.js";
import { readWorkload, type WorkloadName, type WorkloadState } from "./workload.js";

/** A target as it is. */
export interface Present {
  readonly snapshot: Snapshot;
  readonly states: readonly WorkloadState[];
}

/**
 * The target's own objects and what belongs to its workloads: by their present templates, and by what was captured, so
 * that what a rollout took away is seen as gone.
 */
export async function readPresent(
  read: Reader,
  options: TargetOptions,
  captured: Snapshot = {},
): Promise<Present> {
  const scope = unique([...(await scopeOf(read, options)), ...Object.values(captured)]);
  const workloads = scope.filter((one): one is WorkloadName => isWorkload(one.kind));
  const found = await Promise.all(workloads.map((one) => stateOf(read, one)));
  const states = found.flatMap((one) => one ?? []);
  const others = await Promise.all([
    named(read, "ConfigMap", [...otherNames(scope, "ConfigMap"), ...referenced(states, "configMaps")]),
    options.secrets === "encrypt"
      ? named(read, "Secret", [...otherNames(scope, "Secret"), ...referenced(states, "secrets")])
      : [],
    named(read, "Ingress", otherNames(scope, "Ingress")),
    belonging(read, "Service", scope, states, leadsTo),
    belonging(read, "HorizontalPodAutoscaler", scope, states, scales),
    belonging(read, "PodDisruptionBudget", scope, states, protects),
  ]);
  const pieces = others.flat();
  const scalers = [...pieces, ...Object.values(captured)].filter(
    ({ kind }) => kind === "HorizontalPodAutoscaler",
  );
  const own = states.map((state) =>
    workloadPiece(
      state.kind,
      state.workload,
      scalers.some(({ content }) =>
        scales(state, { metadata: { name: "" }, spec: content["spec"] as Specified["spec"] }),
      ),
    ),
  );
  return {
    states,
    snapshot: Object.fromEntries([...own, ...pieces].map((one) => [keyOf(one), one])),
  };
}

const unique = (names: readonly ObjectName[]): ObjectName[] => [
  ...new Map(names.map(({ kind, name }) => [keyOf({ kind, name }), { kind, name }])).values(),
];

async function stateOf(read: Reader, name: WorkloadName): Promise<WorkloadState | undefined> {
  try {
    return await readWorkload(read, name);
  } catch (error) {
    if (isCode(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

const referenced = (states: readonly WorkloadState[], which: "configMaps" | "secrets"): string[] =>
  states.flatMap(({ workload }) => referencesOf(workload.spec.template)[which]);

async function named(read: Reader, kind: OtherKind, names: readonly string[]) {
  const found = await Promise.all([...new Set(names)].map((name) => read.find<KubernetesObject>(kind, name)));
  return found.flatMap((one) => (one === undefined ? [] : [pieceOf(kind, one)]));
}

async function belonging(
  read: Reader,
  kind: "Service" | "HorizontalPodAutoscaler" | "PodDisruptionBudget",
  scope: readonly ObjectName[],
  states: readonly WorkloadState[],
  belongs: (state: WorkloadState, one: Specified) => boolean,
) {
  const known = otherNames(scope, kind);
  if (states.length === 0) return named(read, kind, known);
  const all = await read.list<Specified>(kind);
  return all
    .filter((one) => known.includes(one.metadata.name) || states.some((state) => belongs(state, one)))
    .map((one) => pieceOf(kind, one));
}

const labelsOf = ({ workload }: WorkloadState) => workload.spec.template.metadata?.labels ?? {};

function leadsTo(state: WorkloadState, { spec }: Specified): boolean {
  const selector = spec["selector"] as Readonly<Record<string, string>> | undefined;
  return (
    selector !== undefined && Object.keys(selector).length > 0 && matchesLabels(selector, labelsOf(state))
  );
}

export function scales(state: WorkloadState, { spec }: Specified): boolean {
  const target = spec["scaleTargetRef"] as { kind?: string; name?: string } | undefined;
  return target?.kind === state.kind && target.name === state.workload.metadata.name;
}

function protects(state: WorkloadState, { spec }: Specified): boolean {
  const selector = spec["selector"] as LabelSelector | undefined;
  return selector !== undefined && matchesSelector(selector, labelsOf(state));
}
