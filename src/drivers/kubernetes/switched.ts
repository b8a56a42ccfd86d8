import type { DataObject, KubernetesObject, Workload } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { keyReaders } from "./key-readers.js";
import type { ObjectName } from "./piece.js";
import { referencesOf } from "./references.js";
import { type WorkloadState, workloadKinds } from "./workload.js";

/** On a ConfigMap: which of its keys backout has switched, as JSON. */
const switchMark = "backout.dev/switches";

/** One switch, as it was thrown. */
export interface Thrown {
  readonly value: string;
  /** Null where there was no such key. */
  readonly before: string | null;
  /** Milliseconds since the epoch; null where it does not expire. */
  readonly until: number | null;
}

export type ThrownSwitches = Readonly<Record<string, Thrown>>;

/** Those that still are as they were thrown: somebody may have set a key otherwise since. */
export function thrownIn({ metadata, data }: DataObject): ThrownSwitches {
  const text = metadata.annotations?.[switchMark];
  const all = text === undefined ? {} : (JSON.parse(text) as ThrownSwitches);
  return Object.fromEntries(Object.entries(all).filter(([key, { value }]) => data?.[key] === value));
}

/** The annotation that says so; null where nothing is left to say. */
export const markFor = (switches: ThrownSwitches): Readonly<Record<string, string | null>> => ({
  [switchMark]: Object.keys(switches).length === 0 ? null : JSON.stringify(switches),
});

/** `settings/CSP_DISABLED, since 2026-01-01T00:00:00.000Z`, for each whose time is over. */
export const expiredIn = (map: DataObject, now: number): string[] =>
  Object.entries(thrownIn(map)).flatMap(([key, { until }]) =>
    until === null || until > now
      ? []
      : [`${map.metadata.name}/${key}, since ${new Date(until).toISOString()}`],
  );

/** The same of all ConfigMaps that a workload uses. */
export async function expiredOf(read: Reader, { workload }: WorkloadState, now: number): Promise<string[]> {
  const names = referencesOf(workload.spec.template).configMaps;
  const maps = await Promise.all(names.map((name) => read.find<DataObject>("ConfigMap", name)));
  return maps.flatMap((one) => (one === undefined ? [] : expiredIn(one, now)));
}

/** Every workload of the namespace in which a container gets the key. */
export async function readersOf(read: Reader, configMap: string, key: string): Promise<ObjectName[]> {
  const lists = await Promise.all(
    workloadKinds.map(async (kind) => {
      const all = await read.list<Workload>(kind);
      return all
        .filter(({ spec }) => keyReaders(spec.template, configMap, key).length > 0)
        .map(({ metadata }: KubernetesObject) => ({ kind, name: metadata.name }));
    }),
  );
  return lists.flat();
}
