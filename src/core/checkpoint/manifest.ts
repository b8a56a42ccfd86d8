import * as z from "zod";
import { contentDigest } from "../content-digest.js";
import type { CapturedPart } from "../driver.js";
import { BackoutError } from "../errors.js";
import type { JsonObject } from "../json.js";
import { parsedJson } from "../parsed-json.js";

/** Of this file format. A higher one on disk was written by a later backout and is refused. */
export const manifestVersion = 1;

export interface CheckpointPart extends CapturedPart {
  readonly driver: string;
  /** As in the playbook at that time, secret references unresolved. */
  readonly options: JsonObject;
  readonly captureMs: number;
}

export interface Manifest {
  readonly version: typeof manifestVersion;
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  /** The change that it was made before. */
  readonly change?: string | undefined;
  /** When it was begun. Milliseconds since the epoch. */
  readonly at: number;
  /** `user@host`. */
  readonly by: string;
  readonly parts: Readonly<Record<string, CheckpointPart>>;
  /** Signals as they were: name → value. */
  readonly baselines?: Readonly<Record<string, number>> | undefined;
  /** What those signals measured then: name → digest of the definition. Older checkpoints do not say. */
  readonly measured?: Readonly<Record<string, string>> | undefined;
}

/** A whole checkpoint as it lies on disk. */
export interface Checkpoint extends Manifest {
  /** Of the manifest, and by it of every artifact. */
  readonly digest: string;
  readonly pinned: boolean;
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const artifact = z.object({
  name: z.string(),
  path: z.string().regex(/^parts\/[^/]+\/[^/]+$/, "must be parts/<target>/<file>"),
  digest,
  bytes: z.int().nonnegative(),
  encrypted: z.boolean(),
});
const part = z.object({
  driver: z.string(),
  options: z.record(z.string(), parsedJson),
  captureMs: z.number(),
  identity: z.string(),
  summary: z.string(),
  data: parsedJson,
  artifacts: z.array(artifact),
  at: z.number(),
  given: z.object({ path: z.string(), notes: z.array(z.string()) }).exactOptional(),
});
const manifest = z.object({
  version: z.literal(manifestVersion),
  id: z.string(),
  system: z.string(),
  environment: z.string(),
  change: z.string().optional(),
  at: z.number(),
  by: z.string(),
  parts: z.record(z.string(), part),
  baselines: z.record(z.string(), z.number()).optional(),
  measured: z.record(z.string(), z.string()).optional(),
});
const envelope = z.object({ digest, manifest: z.looseObject({ version: z.int().min(1) }) });

/** The text of `manifest.json`: the manifest and its digest. */
export function manifestText(content: Manifest): string {
  return `${JSON.stringify({ digest: contentDigest(content), manifest: content }, undefined, 1)}\n`;
}

const corrupt = (path: string, fact: string) =>
  new BackoutError("STATE_CORRUPT", `${path}: ${fact}`, {
    effect: "none",
    hint: "choose another checkpoint with --checkpoint ID (`backout checkpoints` lists them), or bring this one back from a copy",
  });

/** Throws STATE_NEWER, and STATE_CORRUPT where anything differs from what was written. */
export function parseManifest(text: string, path: string): Manifest & { readonly digest: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw corrupt(path, "is not JSON: it was cut or overwritten");
  }
  const outer = envelope.safeParse(json);
  if (!outer.success) throw corrupt(path, `is not a manifest: ${z.prettifyError(outer.error)}`);
  const { version } = outer.data.manifest;
  if (version > manifestVersion) {
    throw new BackoutError(
      "STATE_NEWER",
      `${path}: written by a later backout (manifest version ${version}; this one knows ${manifestVersion})`,
      { effect: "none", hint: "upgrade backout on this machine: npm install --global backout@latest" },
    );
  }
  const actual = contentDigest(outer.data.manifest);
  if (actual !== outer.data.digest) {
    throw corrupt(path, `was altered: its digest is "${actual}", not "${outer.data.digest}"`);
  }
  const inner = manifest.safeParse(outer.data.manifest);
  if (!inner.success) throw corrupt(path, `is not a manifest: ${z.prettifyError(inner.error)}`);
  return { ...inner.data, digest: actual };
}

/** Nothing of one system is ever restored into another, nor of production into staging by accident. */
export function ensureBelongs(
  checkpoint: Pick<Manifest, "id" | "system" | "environment">,
  system: string,
  environment: string,
): void {
  if (checkpoint.system === system && checkpoint.environment === environment) return;
  const [theirs, ours] = [`${checkpoint.system}/${checkpoint.environment}`, `${system}/${environment}`];
  throw new BackoutError("REFUSED", `${checkpoint.id}: is a checkpoint of "${theirs}", not of "${ours}"`, {
    effect: "none",
    hint: "choose one of this environment (`backout checkpoints` lists them), or name the other one with --env",
  });
}
