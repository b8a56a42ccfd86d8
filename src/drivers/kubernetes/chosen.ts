import type { PodTemplate } from "../../clients/kubernetes/objects.js";
import { contentDigest } from "../../core/content-digest.js";
import { BackoutError } from "../../core/errors.js";
import type { Json, JsonObject } from "../../core/json.js";
import type { ChoiceOptions } from "./choice-options.js";
import { keyOf, type Piece, type Snapshot, withoutMarks } from "./piece.js";
import type { Present } from "./snapshot.js";
import type { ThrownSwitches } from "./switched.js";
import type { WorkloadState } from "./workload.js";

/** Where a person wants to go, as the plan has found it: nothing in it counts revisions. */
export type Chosen =
  | { readonly way: "template"; readonly digest: string; readonly summary: string }
  | { readonly way: "images"; readonly images: Readonly<Record<string, string>>; readonly summary: string }
  | {
      readonly way: "switch";
      readonly object: string;
      readonly key: string;
      /** Null: the key goes. */
      readonly value: string | null;
      /** It is as wanted, and backout has done that: every process has it. */
      readonly known: boolean;
      readonly summary: string;
    };

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** Throws REFUSED where there is no such place. */
export function choose(
  { to, switch: flag }: ChoiceOptions,
  present: Present,
  thrown: ThrownSwitches,
): Chosen {
  if (flag !== undefined) return chooseSwitch(flag, present, thrown);
  const [state] = present.states;
  if (state === undefined || to === undefined) {
    throw refused("there is no such workload any more", "bring back what a checkpoint holds of it");
  }
  if (to.revision !== undefined) return chooseRevision(state, to.revision);
  const containers = state.workload.spec.template.spec.containers.map(({ name }) => name);
  const [only = "", ...others] = containers;
  const images = to.images ?? { [only]: to.image ?? "" };
  const { name } = state.workload.metadata;
  if (to.images === undefined && others.length > 0) {
    throw refused(`${name}: has the containers ${containers.join(", ")}`, "say which gets the image");
  }
  const strange = Object.keys(images).find((one) => !containers.includes(one));
  if (strange !== undefined) {
    throw refused(`${name}: has no container "${strange}"`, `there is ${containers.join(", ")}`);
  }
  return { way: "images", images, summary: Object.values(images).join(", ") };
}

function chooseRevision(state: WorkloadState, number: number): Chosen {
  const { name } = state.workload.metadata;
  const found = state.revisions.find((one) => one.number === number);
  if (found === undefined) {
    const known = state.revisions.map((one) => one.number).toSorted((a, b) => a - b);
    throw refused(`${name}: has no revision ${number} (any more)`, `there is ${known.join(", ") || "none"}`);
  }
  const images = found.template.spec.containers.map(({ image }) => image).join(", ");
  return {
    way: "template",
    digest: templateDigest(found.template),
    summary: `revision ${number}: ${images}`,
  };
}

/** Fact and hint. */
export const noSuchKey = (configMap: string, key: string, known: readonly string[]): [string, string] => [
  `${configMap}/${key}: there is no such key in the ConfigMap`,
  `is it misspelt? There is ${known.join(", ") || "none"}. A switch has to be there, with its usual value, before it is needed`,
];

function chooseSwitch(
  { configMap, key, value }: NonNullable<ChoiceOptions["switch"]>,
  { snapshot, states }: Present,
  thrown: ThrownSwitches,
): Chosen {
  const object = `ConfigMap/${configMap}`;
  const there = snapshot[object];
  if (there === undefined) throw refused(`${object}: does not exist`, "is it the one that the pods read?");
  if (states.length === 0) {
    throw refused(
      `${configMap}/${key}: no container of the namespace gets this key, so that it would change nothing`,
      "is it spelled as the workloads have it? One that is set in `env` hides it",
    );
  }
  const data = there.content["data"] as Readonly<Record<string, string>>;
  const now = data[key];
  // Whoever gets all keys would get this one too, and never look at it: a switch is set up before it is needed.
  if (now === undefined) throw refused(...noSuchKey(configMap, key, Object.keys(data)));
  const known = thrown[key];
  const wanted = value ?? (known === undefined ? now : known.before);
  return {
    ...{ way: "switch", object, key, value: wanted },
    known: value === undefined ? known === undefined : known?.value === value,
    summary: `${key} ${wanted === null ? "unset" : JSON.stringify(wanted)}`,
  };
}

/** What a person reads as one version: without the cluster's own label, and whenever it was restarted. */
function plainTemplate({ metadata, spec }: PodTemplate): JsonObject {
  const { "pod-template-hash": _hash, ...labels } = metadata?.labels ?? {};
  return withoutMarks({ metadata: { ...metadata, labels }, spec });
}

export const templateDigest = (template: PodTemplate): string => contentDigest(plainTemplate(template));

/** What is there, with what was chosen in its place. */
export function chosenSnapshot(chosen: Chosen, { snapshot, states }: Present): Snapshot {
  if (chosen.way === "switch") {
    const there = snapshot[chosen.object];
    if (there === undefined) return snapshot;
    const { [chosen.key]: _now, ...others } = there.content["data"] as JsonObject;
    const data = chosen.value === null ? others : { ...others, [chosen.key]: chosen.value };
    return { ...snapshot, [chosen.object]: { ...there, content: { ...there.content, data } } };
  }
  const [state] = states;
  if (state === undefined) return snapshot;
  const key = keyOf({ kind: state.kind, name: state.workload.metadata.name });
  const piece = snapshot[key] as Piece;
  const spec = piece.content["spec"] as JsonObject;
  const template =
    chosen.way === "template" ? templateOf(chosen.digest, state) : withImages(spec, chosen.images);
  return { ...snapshot, [key]: { ...piece, content: { ...piece.content, spec: { ...spec, template } } } };
}

function templateOf(digest: string, state: WorkloadState): JsonObject {
  const found = state.revisions.find(({ template }) => templateDigest(template) === digest);
  if (found === undefined) {
    throw refused(
      `${state.workload.metadata.name}: the revision that was chosen is not in its history any more`,
      "choose another: `backout versions`",
    );
  }
  return plainTemplate(found.template);
}

function withImages(spec: JsonObject, images: Readonly<Record<string, string>>): JsonObject {
  const template = spec["template"] as JsonObject;
  const pod = template["spec"] as JsonObject;
  const containers = (pod["containers"] as readonly JsonObject[]).map((one): Json => {
    const image = images[String(one["name"])];
    return image === undefined ? one : { ...one, image };
  });
  return { ...template, spec: { ...pod, containers } };
}
