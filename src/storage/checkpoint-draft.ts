import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Draft, DraftOrigin } from "../core/checkpoint/checkpoint-store.js";
import {
  type CheckpointPart,
  type Manifest,
  manifestText,
  manifestVersion,
  parseManifest,
} from "../core/checkpoint/manifest.js";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import type { Clock, Processes } from "../core/ports.js";
import type { Encryption } from "./age-files.js";
import { type ArtifactFolder, artifactWriter, plainName } from "./artifact-files.js";
import { flush, onState, writeFlushed } from "./durable-files.js";
import { isAbandoned, signFolder, writerFile } from "./signed-folder.js";

interface DraftPlace {
  /** The folder of all checkpoints. */
  readonly root: string;
  readonly id: string;
  readonly at: number;
  readonly encryption: Encryption | undefined;
}

const prefix = ".tmp-";

/** Creates the folder and signs it, so that what a dead writer leaves behind can be told from work in progress. */
export async function claimDraft(
  root: string,
  id: string,
  clock: Clock,
  processes: Processes,
): Promise<boolean> {
  const folder = join(root, `${prefix}${id}`);
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  await signFolder(folder, clock, processes);
  return true;
}

/** Removes what dead writers, and prunings that were cut short, have left. */
export async function sweepDrafts(root: string, clock: Clock, processes: Processes): Promise<void> {
  for (const name of await readdir(root)) {
    const folder = join(root, name);
    const removable = name.startsWith(removedPrefix)
      ? true
      : name.startsWith(prefix) && (await isAbandoned(folder, clock, processes));
    if (removable) await rm(folder, { recursive: true, force: true });
  }
}

export const removedPrefix = ".removed-";

export function openDraft({ root, id, at, encryption }: DraftPlace, origin: DraftOrigin): Draft {
  const folder = join(root, `${prefix}${id}`);
  const scratch = join(folder, "scratch");
  const writers = new Map<string, ArtifactFolder>();
  const parts = new Map<string, Omit<CheckpointPart, "artifacts">>();
  let baselines: Manifest["baselines"];
  let measured: Manifest["measured"];
  let captures = 0;
  let closed = false;

  const ensureOpen = () => {
    if (closed) throw new BackoutError("INTERNAL", `${id}: the checkpoint is closed`, { effect: "none" });
  };
  const manifest = (): Manifest => ({
    version: manifestVersion,
    id,
    at,
    ...origin,
    parts: Object.fromEntries(
      [...parts].map(([target, part]) => [target, { ...part, artifacts: writers.get(target)?.list() ?? [] }]),
    ),
    baselines,
    measured,
  });

  return {
    id,
    artifacts(target) {
      ensureOpen();
      plainName(target, "target");
      const place = { draft: folder, target, scratch: join(scratch, String(++captures)), encryption };
      const writer = artifactWriter(place);
      writers.set(target, writer);
      return writer;
    },
    setPart(target, part) {
      ensureOpen();
      parts.set(plainName(target, "target"), part);
    },
    setBaselines(values, digests) {
      ensureOpen();
      baselines = values;
      measured = digests;
    },
    async commit() {
      ensureOpen();
      closed = true;
      const final = join(root, id);
      try {
        return await onState(final, "writing the checkpoint", async () => {
          await rm(scratch, { recursive: true, force: true });
          const text = manifestText(manifest());
          const checkpoint = { ...parseManifest(text, join(final, "manifest.json")), pinned: false };
          await settleFolder(folder, manifest());
          await writeFlushed(join(folder, "manifest.json"), text);
          await flush(folder);
          await rename(folder, final);
          await flush(root);
          await rm(join(final, writerFile), { force: true });
          return checkpoint;
        });
      } catch (error) {
        await rm(folder, { recursive: true, force: true }).catch(() => undefined);
        throw error;
      }
    },
    async abandon() {
      closed = true;
      await onState(folder, "removing", () => rm(folder, { recursive: true, force: true }));
    },
  };
}

/** Removes what an earlier attempt at a part has left, and flushes the names of what stays. */
async function settleFolder(folder: string, manifest: Manifest): Promise<void> {
  const parts = join(folder, "parts");
  await mkdir(parts, { recursive: true, mode: 0o700 });
  for (const target of await readdir(parts)) {
    const kept = new Set(manifest.parts[target]?.artifacts.map((artifact) => artifact.path));
    for (const name of await readdir(join(parts, target))) {
      if (!kept.has(`parts/${target}/${name}`)) await rm(join(parts, target, name));
    }
    await flush(join(parts, target));
  }
  await flush(parts);
}
