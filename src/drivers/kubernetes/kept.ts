import { gunzipSync, gzipSync } from "node:zlib";
import type { DataObject, KubernetesObject } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Snapshot } from "./piece.js";

/** On what backout itself keeps in the cluster; it is never part of a target. */
export const keptLabel = "backout.dev/kept";

/** What a step replaced, for taking it back: beside the live objects, Secrets in a Secret. */
export interface Kept {
  readonly snapshot: Snapshot;
  /** Of the target as it was found without a checkpoint. */
  readonly identity: string;
  /** `Kind/name` of workloads whose pods were not all ready: nobody waits for them when they come back. */
  readonly unready: readonly string[];
}

/** The same for every attempt of a step, and no other. */
export const markOf = (key: string): string => contentDigest(key).slice(7, 23);

export const keptName = (stepKey: string): string => `backout-kept-${markOf(stepKey)}`;

/** Until when an undo may want it. */
const untilMark = "backout.dev/kept-until";

const field = "kept.json.gz";
/** The API server takes no larger object than 1 MiB; base64 adds a third. */
const mostBytes = 750_000;

const packed = (value: unknown): string => {
  const bytes = gzipSync(JSON.stringify(value));
  if (bytes.length <= mostBytes) return bytes.toString("base64");
  throw new BackoutError(
    "REFUSED",
    `what is replaced takes ${bytes.length} bytes: too much for one object of the cluster`,
    { effect: "none", hint: "the rollback goes on, but cannot be undone; smaller targets can" },
  );
};

const unpacked = <T>(base64: string): T =>
  JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString()) as T;

const split = (snapshot: Snapshot, secret: boolean): Snapshot =>
  Object.fromEntries(Object.entries(snapshot).filter(([, { kind }]) => (kind === "Secret") === secret));

/** False where it was kept already. `until` in milliseconds since the epoch. */
export async function writeKept(read: Reader, name: string, kept: Kept, until: number): Promise<boolean> {
  if ((await read.find<DataObject>("ConfigMap", name)) !== undefined) return false;
  const annotations = { [untilMark]: new Date(until).toISOString() };
  const metadata = { name, labels: { [keptLabel]: "true" }, annotations };
  const secrets = split(kept.snapshot, true);
  if (Object.keys(secrets).length > 0 && (await read.find("Secret", name)) === undefined) {
    const body = { apiVersion: "v1", kind: "Secret", metadata, data: { [field]: packed(secrets) } };
    await read.api.json({ method: "POST", path: (await read.needed("Secret")).path(), body });
  }
  const rest = { ...kept, snapshot: split(kept.snapshot, false), secrets: Object.keys(secrets).length > 0 };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata, binaryData: { [field]: packed(rest) } };
  await read.api.json({ method: "POST", path: (await read.needed("ConfigMap")).path(), body });
  return true;
}

/**
 * What earlier runs kept, and whose time is over. Never more than a favour: who may not list or delete such objects, as a
 * rollback has no need to, is told and goes on.
 */
export async function dropExpired(read: Reader, own: string, { clock, log }: StepContext): Promise<void> {
  const now = clock.now();
  for (const kind of ["ConfigMap", "Secret"] as const) {
    try {
      const all = await read.list<KubernetesObject>(kind, keptLabel);
      for (const { metadata } of all) {
        const until = Date.parse(metadata.annotations?.[untilMark] ?? "");
        if (!(until < now) || !metadata.name.startsWith("backout-kept-") || metadata.name === own) continue;
        const path = (await read.needed(kind)).path(metadata.name);
        const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: metadata.uid ?? "" } };
        await read.api.json({ method: "DELETE", path, body });
        log(`${kind} ${metadata.name}: was kept for an undo, its time is over: removed`);
      }
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      log(`what earlier runs kept as ${kind} was not looked through: ${error.message}`);
    }
  }
}

export async function readKept(read: Reader, name: string): Promise<Kept> {
  const gone = (kind: string) =>
    new BackoutError("REFUSED", `${kind} "${name}": is gone, so what it kept cannot be put back`, {
      effect: "none",
      hint: "bring the new version out again",
    });
  const map = (await read.find<DataObject>("ConfigMap", name))?.binaryData?.[field];
  if (map === undefined) throw gone("ConfigMap");
  const { secrets, ...kept } = unpacked<Kept & { readonly secrets: boolean }>(map);
  if (!secrets) return kept;
  const data = (await read.find<DataObject>("Secret", name))?.data?.[field];
  if (data === undefined) throw gone("Secret");
  return { ...kept, snapshot: { ...kept.snapshot, ...unpacked<Snapshot>(data) } };
}
