import type { DataObject, PodTemplate, Workload } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { type Problem, problem, warning } from "../../core/errors.js";
import { noSuchKey } from "./chosen.js";
import { keyReaders } from "./key-readers.js";
import { referencesOf } from "./references.js";
import { expiredIn } from "./switched.js";
import type { TargetOptions } from "./target-options.js";
import { workloadKinds } from "./workload.js";

/** H48: a setting that no pod reads comes back, or is switched, with success and without effect. */
export async function settingProblems(
  read: Reader,
  { objects = [], switch: flag }: TargetOptions,
  path: string,
  now: number,
): Promise<Problem[]> {
  const maps = objects.filter((one) => one.startsWith("ConfigMap/"));
  const names = [...maps.map((one) => one.slice("ConfigMap/".length)), ...(flag ? [flag.configMap] : [])];
  if (names.length === 0) return [];
  const lists = await Promise.all(workloadKinds.map((kind) => read.list<Workload>(kind)));
  const templates = lists.flat().map(({ spec }) => spec.template);
  const found = names.map(async (name) => {
    const map = await read.find<DataObject>("ConfigMap", name);
    if (map === undefined) return [];
    const expired = expiredIn(map, now).map((one) =>
      warning(path, `${one}: was to be switched back`, "throw it back: a `switch` without `value`"),
    );
    return [...expired, ...(flag === undefined ? unread(map, templates, path) : [])];
  });
  const all = (await Promise.all(found)).flat();
  if (flag === undefined) return all;
  const map = await read.find<DataObject>("ConfigMap", flag.configMap);
  if (map?.data?.[flag.key] === undefined) {
    return [...all, problem(path, ...noSuchKey(flag.configMap, flag.key, Object.keys(map?.data ?? {})))];
  }
  const isRead = templates.some((one) => keyReaders(one, flag.configMap, flag.key).length > 0);
  if (isRead) return all;
  const fact = `${flag.configMap}/${flag.key}: no container of the namespace gets this key, so that it would change nothing`;
  return [
    ...all,
    problem(path, fact, "is it spelled as the workloads have it? One that is set in `env` hides it"),
  ];
}

function unread(map: DataObject, templates: readonly PodTemplate[], path: string): Problem[] {
  const { name } = map.metadata;
  if (!templates.some((one) => referencesOf(one).configMaps.includes(name))) {
    const fact = `ConfigMap/${name}: no Deployment, StatefulSet or DaemonSet of the namespace refers to it`;
    return [warning(path, fact, "is it the one that the pods read? Another name, or another namespace")];
  }
  const keys = Object.keys(map.data ?? {}).filter(
    (key) => !templates.some((one) => keyReaders(one, name, key).length > 0),
  );
  if (keys.length === 0) return [];
  const fact = `ConfigMap/${name}: no container gets its ${keys.map((key) => `"${key}"`).join(", ")}`;
  return [warning(path, fact, "misspelt, or hidden by a variable of the same name in `env`?")];
}
