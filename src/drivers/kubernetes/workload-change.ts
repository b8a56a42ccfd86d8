import { isCode } from "../../clients/kubernetes/api-error.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { Json, JsonObject } from "../../core/json.js";
import { changedMeanwhile, pieceIn, wantedPiece } from "./apply-objects.js";
import type { Input } from "./input.js";
import { markOf } from "./kept.js";
import {
  nameOf,
  type Piece,
  pieceDigest,
  restartMark,
  type Snapshot,
  withoutReplicas,
  workloadPiece,
} from "./piece.js";
import { insteadOf } from "./same-cluster.js";
import type { WorkloadKind } from "./workload.js";

export interface WorkloadChange {
  readonly key: string;
  readonly workload: Workload | undefined;
  readonly wanted: Piece;
  readonly now: Piece | undefined;
  readonly state: "as wanted" | "as planned" | "other";
}

export async function workloadChange(
  read: Reader,
  key: string,
  captured: Snapshot,
  input: Input,
  stepKey: string,
): Promise<WorkloadChange> {
  const { kind, name } = nameOf(key) as { kind: WorkloadKind; name: string };
  const then = pieceIn(captured, key);
  const workload = await read.find<Workload>(kind, name);
  if (workload === undefined) {
    const state = input.expected[key] === undefined ? "as planned" : "other";
    return { key, workload, wanted: then, now: undefined, state };
  }
  const scaled = (then.content["spec"] as JsonObject)["replicas"] === undefined;
  const now = workloadPiece(kind, workload, scaled);
  const whole = wantedPiece(then, now, input.keep);
  const wanted = input.stopped ? withoutReplicas(whole) : whole;
  const present = input.stopped ? withoutReplicas(now) : now;
  const marked = workload.spec.template.metadata?.annotations?.[restartMark] === markOf(stepKey);
  const same = contentDigest(present.content) === contentDigest(wanted.content);
  if (same && (marked || !input.restart.includes(key)))
    return { key, workload, wanted, now, state: "as wanted" };
  const state = pieceDigest(present) === input.expected[key] ? "as planned" : "other";
  return { key, workload, wanted, now, state };
}

const attempts = 5;

/** One patch, only if the specification is the one that was looked at. */
export async function changeWorkload(
  read: Reader,
  key: string,
  captured: Snapshot,
  input: Input,
  more: { readonly stepKey: string; readonly insteadOf: string; readonly first?: WorkloadChange },
): Promise<{ workload: Workload; changed: boolean }> {
  let found = more.first;
  for (let attempt = 1; ; attempt++) {
    found ??= await workloadChange(read, key, captured, input, more.stepKey);
    const { workload, wanted, now, state } = found;
    if (state === "as wanted" && workload !== undefined) return { workload, changed: false };
    if (state === "other") throw changedMeanwhile(key, wanted, now, input.keep);
    const mark = input.restart.includes(key) ? markOf(more.stepKey) : undefined;
    try {
      const made =
        workload === undefined
          ? await make(read, wanted, mark, more.insteadOf)
          : await patch(read, workload, wanted, mark);
      return { workload: made, changed: true };
    } catch (error) {
      // The API server says that a test in a patch does not hold as it says that an object is invalid.
      const again = isCode(error, "REFUSED") || isCode(error, "CONFLICT");
      if (!again || attempt >= attempts) throw error;
      const after = await workloadChange(read, key, captured, input, more.stepKey);
      const generation = after.workload?.metadata.generation;
      if (after.state === "as planned" && generation === workload?.metadata.generation) throw error;
      found = after;
    }
  }
}

async function make(
  read: Reader,
  { kind, name, labels, content, fixed = {} }: Piece,
  mark: string | undefined,
  uid: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Workload> {
  const place = await read.needed(kind);
  const spec = { ...(fixed["spec"] as JsonObject), ...withMark(content["spec"] as JsonObject, mark) };
  const metadata = { name, labels, annotations: { [insteadOf]: uid } };
  const body = { apiVersion: place.apiVersion, kind, metadata, spec };
  return read.api.json<Workload>({ method: "POST", path: place.path(), query, body });
}

const patch = async (
  read: Reader,
  workload: Workload,
  wanted: Piece,
  mark: string | undefined,
  query: Readonly<Record<string, string>> = {},
): Promise<Workload> =>
  read.api.json<Workload>({
    method: "PATCH",
    path: (await read.needed(wanted.kind)).path(wanted.name),
    contentType: "application/json-patch+json",
    query,
    body: patchFor(workload, wanted, mark),
  });

/** Asks the cluster whether it would take it. */
export async function wouldChange(read: Reader, wanted: Piece, there: Workload | undefined): Promise<void> {
  const query = { dryRun: "All" };
  if (there === undefined) await make(read, wanted, undefined, "", query);
  else await patch(read, there, wanted, undefined, query);
}

/** RFC 6902: the tests are what makes it a change of the very thing that was looked at. */
export function patchFor(workload: Workload, wanted: Piece, mark: string | undefined): Json {
  const present = workload.spec as unknown as JsonObject;
  const operations = Object.entries(withMark(wanted.content["spec"] as JsonObject, mark)).map(
    ([field, value]) => ({
      op: present[field] === undefined ? "add" : "replace",
      path: `/spec/${field}`,
      value,
    }),
  );
  return [...sameAsSeen(workload), ...operations];
}

/** What a patch begins with, so that it only touches what was looked at. */
export const sameAsSeen = ({ metadata }: Workload): readonly JsonObject[] => [
  { op: "test", path: "/metadata/uid", value: metadata.uid ?? "" },
  { op: "test", path: "/metadata/generation", value: metadata.generation ?? 0 },
];

function withMark(spec: JsonObject, mark: string | undefined): JsonObject {
  if (mark === undefined) return spec;
  const template = spec["template"] as JsonObject;
  const metadata = (template["metadata"] ?? {}) as JsonObject;
  const annotations = { ...(metadata["annotations"] as JsonObject | undefined), [restartMark]: mark };
  return { ...spec, template: { ...template, metadata: { ...metadata, annotations } } };
}
