import { isCode } from "../../clients/kubernetes/api-error.js";
import type { KubernetesObject } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import { BackoutError } from "../../core/errors.js";
import type { Json, JsonObject } from "../../core/json.js";
import { compare, keeping, keepMatches, splitKeep } from "./differences.js";
import type { Input } from "./input.js";
import {
  isWorkload,
  keyOf,
  lastApplied,
  type OtherKind,
  type Piece,
  pieceDigest,
  pieceOf,
  type Snapshot,
} from "./piece.js";

/** Paths below one object out of what is kept. */
function keptPaths(keep: readonly string[], piece: Piece): string[] {
  return keep.flatMap((one) => {
    if (one.startsWith("/")) return isWorkload(piece.kind) ? [one] : [];
    const [object, path] = splitKeep(one);
    return object === keyOf(piece) ? [path] : [];
  });
}

/** The captured piece, with what is kept as it is now. */
export function wantedPiece(then: Piece, now: Piece | undefined, keep: readonly string[]): Piece {
  const paths = keptPaths(keep, then);
  if (paths.includes("") && now !== undefined) return now;
  return { ...then, content: keeping(then.content, now?.content, paths) };
}

interface ObjectState {
  readonly key: string;
  readonly there: KubernetesObject | undefined;
  readonly wanted: Piece;
  readonly state: "as wanted" | "as planned" | "other";
  /** For a refusal: what differs from what is wanted. */
  readonly now: Piece | undefined;
}

export function pieceIn(captured: Snapshot, key: string): Piece {
  const then = captured[key];
  if (then !== undefined) return then;
  throw new BackoutError("REFUSED", `${key}: is not in the checkpoint`, { effect: "none" });
}

export async function objectState(
  read: Reader,
  key: string,
  captured: Snapshot,
  input: Input,
): Promise<ObjectState> {
  const then = pieceIn(captured, key);
  const there = await read.find<KubernetesObject>(then.kind, then.name);
  const now = there === undefined ? undefined : pieceOf(then.kind as OtherKind, there);
  const wanted = wantedPiece(then, now, input.keep);
  const digest = now === undefined ? undefined : pieceDigest(now);
  const good = now !== undefined && contentDigest(now.content) === contentDigest(wanted.content);
  const state = good ? "as wanted" : digest === input.expected[key] ? "as planned" : "other";
  return { key, there, wanted, state, now };
}

/** The plan is stale: somebody changed it meanwhile. */
export function changedMeanwhile(
  key: string,
  wanted: Piece,
  now: Piece | undefined,
  keep: readonly string[],
): BackoutError {
  const differs = now === undefined ? [] : compare({ [key]: wanted }, { [key]: now });
  const listed = differs
    .filter((one) => !keep.some((place) => keepMatches(place, one)))
    .slice(0, 5)
    .map(({ path, captured, now }) => `${path} is ${now}, to become ${captured}`);
  const fact = now === undefined ? "was deleted" : "was changed";
  return new BackoutError(
    "CONFLICT",
    `${key}: ${fact} since the plan was made${listed.length === 0 ? "" : `: ${listed.join("; ")}`}`,
    { effect: "none", hint: "plan again, and look what came: `backout plan`" },
  );
}

const attempts = 5;

/** True where something was changed. */
export async function putBack(read: Reader, key: string, captured: Snapshot, input: Input): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const found = await objectState(read, key, captured, input);
    if (found.state === "as wanted") return false;
    if (found.state === "other") throw changedMeanwhile(key, found.wanted, found.now, input.keep);
    try {
      await write(read, found);
      return true;
    } catch (error) {
      // Changed between the look and the write, if only its status: look again.
      if (!isCode(error, "CONFLICT") || attempt >= attempts) throw error;
    }
  }
}

/** Asks the cluster whether it would take it. */
export async function wouldWrite(read: Reader, wanted: Piece): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const there = await read.find<KubernetesObject>(wanted.kind, wanted.name);
    try {
      return await write(read, { there, wanted }, { dryRun: "All" });
    } catch (error) {
      if (!isCode(error, "CONFLICT") || attempt >= attempts) throw error;
    }
  }
}

async function write(
  read: Reader,
  { there, wanted }: Pick<ObjectState, "there" | "wanted">,
  query: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { kind, name, labels, content, fixed = {} } = wanted;
  const place = await read.needed(kind);
  const { spec, metadata, ...top } = content;
  if (there === undefined) {
    const whole =
      spec === undefined ? {} : { spec: { ...(fixed["spec"] as JsonObject), ...(spec as JsonObject) } };
    const meta = { name, labels, ...(metadata as JsonObject | undefined) };
    const body = { apiVersion: place.apiVersion, kind, metadata: meta, ...top, ...whole };
    await read.api.json({ method: "POST", path: place.path(), query, body });
    return;
  }
  const whole = there as unknown as JsonObject;
  // What is not brought back of a specification stays as it is; the resource version in it is the precondition.
  const kept = kind === "Service" ? { ...(whole["spec"] as JsonObject), ...(spec as JsonObject) } : spec;
  const { data: _data, binaryData: _binary, ...rest } = whole;
  const body: Json = {
    ...{ ...rest, ...top },
    ...(metadata === undefined ? {} : { metadata: withAnnotations(there, metadata as JsonObject) }),
    ...(kept === undefined ? {} : { spec: kept }),
  };
  await read.api.json({ method: "PUT", path: place.path(name), query, body });
}

function withAnnotations({ metadata }: KubernetesObject, { annotations }: JsonObject): JsonObject {
  const applied = metadata.annotations?.[lastApplied];
  const own = applied === undefined ? {} : { [lastApplied]: applied };
  return { ...(metadata as unknown as JsonObject), annotations: { ...(annotations as JsonObject), ...own } };
}
