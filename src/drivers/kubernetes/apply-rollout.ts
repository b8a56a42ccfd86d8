import { isCode } from "../../clients/kubernetes/api-error.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { Outcome, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Json, JsonObject } from "../../core/json.js";
import { changedMeanwhile, wantedPiece } from "./apply-objects.js";
import { followRollout } from "./follow-rollout.js";
import type { Input } from "./plan.js";
import { deploymentContent, keyOf, type Piece, pieceDigest, restartMark, type Snapshot } from "./snapshot.js";

/** The same for every attempt of a step, and no other. */
const markOf = (key: string): string => contentDigest(key).slice(7, 23);

export interface RolloutState {
  readonly deployment: Workload;
  readonly wanted: Piece;
  readonly now: Piece;
  readonly state: "as wanted" | "as planned" | "other";
}

export async function rolloutState(
  read: Reader,
  name: string,
  captured: Snapshot,
  input: Input,
  stepKey: string,
): Promise<RolloutState> {
  const key = keyOf("Deployment", name);
  const then = captured[key];
  if (then === undefined)
    throw new BackoutError("REFUSED", `${key}: is not in the checkpoint`, { effect: "none" });
  const deployment = await read.get<Workload>("Deployment", name);
  const scaled = (then.content["spec"] as JsonObject)["replicas"] === undefined;
  const now: Piece = { ...then, content: deploymentContent(deployment, scaled) };
  const wanted = wantedPiece(then, now, input.keep);
  const marked = deployment.spec.template.metadata?.annotations?.[restartMark] === markOf(stepKey);
  const same = contentDigest(now.content) === contentDigest(wanted.content);
  const state =
    same && (marked || !input.restart)
      ? "as wanted"
      : pieceDigest(now) === input.expected[key]
        ? "as planned"
        : "other";
  return { deployment, wanted, now, state };
}

/** One patch, only if the specification is the one that was looked at; then waits for every pod. */
export async function applyRollout(
  read: Reader,
  name: string,
  captured: Snapshot,
  input: Input,
  context: StepContext,
): Promise<Outcome> {
  const { deployment, changed } = await patched(read, name, captured, input, context);
  const rollout = await followRollout(read, deployment, context);
  if (rollout.state === "done") return { summary: `${name}: ${rollout.summary}`, changed };
  throw new BackoutError("CHECK_FAILED", `${name}: will not become ready: ${rollout.summary}`, {
    effect: "applied",
    hint: `\`kubectl -n ${read.api.namespace} describe deployment/${name}\`, then choose another checkpoint`,
  });
}

const attempts = 5;

async function patched(
  read: Reader,
  name: string,
  captured: Snapshot,
  input: Input,
  context: StepContext,
): Promise<{ deployment: Workload; changed: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const found = await rolloutState(read, name, captured, input, context.key);
    if (found.state === "as wanted") return { deployment: found.deployment, changed: false };
    if (found.state === "other") {
      throw changedMeanwhile(keyOf("Deployment", name), found.wanted, found.now, input.keep);
    }
    const place = await read.needed("Deployment");
    try {
      const deployment = await read.api.json<Workload>({
        method: "PATCH",
        path: place.path(name),
        contentType: "application/json-patch+json",
        body: patchFor(found, input.restart ? markOf(context.key) : undefined),
      });
      return { deployment, changed: true };
    } catch (error) {
      // The API server says that a test in a patch does not hold as it says that an object is invalid.
      const again = isCode(error, "REFUSED") || isCode(error, "CONFLICT");
      if (!again || attempt >= attempts) throw error;
      const after = await rolloutState(read, name, captured, input, context.key);
      if (after.state === "as planned" && sameGeneration(after, found)) throw error;
    }
  }
}

const sameGeneration = (a: RolloutState, b: RolloutState): boolean =>
  a.deployment.metadata.generation === b.deployment.metadata.generation;

/** RFC 6902: the tests are what makes it a change of the very thing that was looked at. */
export function patchFor({ deployment, wanted }: RolloutState, mark: string | undefined): Json {
  const present = deployment.spec as unknown as JsonObject;
  const spec = wanted.content["spec"] as JsonObject;
  const fields = Object.entries(spec).map(([field, value]) =>
    field === "template"
      ? ([field, withMark(value as JsonObject, mark)] as const)
      : ([field, value] as const),
  );
  const operations = fields.map(([field, value]) => ({
    op: present[field] === undefined ? "add" : "replace",
    path: `/spec/${field}`,
    value,
  }));
  return [
    { op: "test", path: "/metadata/uid", value: deployment.metadata.uid ?? "" },
    { op: "test", path: "/metadata/generation", value: deployment.metadata.generation ?? 0 },
    ...operations,
  ];
}

function withMark(template: JsonObject, mark: string | undefined): JsonObject {
  if (mark === undefined) return template;
  const metadata = (template["metadata"] ?? {}) as JsonObject;
  const annotations = { ...(metadata["annotations"] as JsonObject | undefined), [restartMark]: mark };
  return { ...template, metadata: { ...metadata, annotations } };
}
