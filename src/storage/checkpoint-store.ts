import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint } from "../core/checkpoint/manifest.js";
import { type ProofRecord, proofStanding } from "../core/checkpoint/proof-record.js";
import { chooseRetention, type RetentionChoice, type RetentionPolicy } from "../core/checkpoint/retention.js";
import { BackoutError, type Problem, problem } from "../core/errors.js";
import type { ArtifactReader, Clock, Ids, Processes } from "../core/ports.js";
import type { Encryption } from "./age-files.js";
import { artifactFault, artifactReader } from "./artifact-files.js";
import {
  claimDraft,
  type Draft,
  type DraftOrigin,
  openDraft,
  removedPrefix,
  sweepDrafts,
} from "./checkpoint-draft.js";
import { type CheckpointList, type CheckpointScope, checkpointLookup, isThere } from "./checkpoint-lookup.js";
import { flush, onState, writeFlushed } from "./durable-files.js";
import { addProof, type Proofs, readProofs } from "./proof-files.js";

export interface CheckpointStoreOptions {
  /** The state folder: checkpoints lie in `checkpoints/` below it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  /** With secrets resolved. Where it is given, every artifact is encrypted. */
  readonly encryption?: Encryption | undefined;
}

export interface CheckpointStore {
  /** Also removes what dead writers left. Throws STATE_UNWRITABLE, STATE_FULL. */
  create(origin: DraftOrigin): Promise<Draft>;
  list(scope?: CheckpointScope): Promise<CheckpointList>;
  /**
   * By id, by the beginning of one if it is unique, or `latest` of the scope. Where a damaged one may be the latest, that
   * is said rather than an older one taken.
   */
  load(reference: string, scope?: CheckpointScope): Promise<Checkpoint>;
  /** Reads every artifact; nothing wrong is an empty list. */
  verify(id: string): Promise<Problem[]>;
  /** Reads nothing until it is used. */
  reader(id: string, target: string, scratch: string): ArtifactReader;
  saveProof(id: string, target: string, record: ProofRecord): Promise<void>;
  proofs(id: string): Promise<Proofs>;
  /** Pinned ones are never pruned. */
  pin(id: string, note?: string): Promise<void>;
  unpin(id: string): Promise<void>;
  /** Damaged ones are left for a person. `inUse`: what open runs refer to. */
  prune(
    policy: RetentionPolicy,
    more?: { dryRun?: boolean; inUse?: ReadonlySet<string> },
  ): Promise<RetentionChoice[]>;
}

export function checkpointStore({
  folder,
  clock,
  ids,
  processes,
  encryption,
}: CheckpointStoreOptions): CheckpointStore {
  const root = join(folder, "checkpoints");
  const { folderOf, existing, read, list, load } = checkpointLookup(root);

  async function create(origin: DraftOrigin): Promise<Draft> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await sweepDrafts(root, clock, processes);
    for (let attempt = 1; ; attempt++) {
      const at = clock.now();
      const id = ids.next("cp");
      if (!(await isThere(folderOf(id))) && (await claimDraft(root, id, clock, processes))) {
        return openDraft({ root, id, at, encryption }, origin);
      }
      if (attempt === 10) throw new BackoutError("CONFLICT", `${root}: "${id}" exists already`);
    }
  }

  async function artifactProblems(id: string): Promise<Problem[]> {
    const found: Problem[] = [];
    for (const [target, part] of Object.entries((await read(id)).parts)) {
      for (const artifact of part.artifacts) {
        const look = () => artifactFault(folderOf(id), artifact);
        const fault = await onState(join(folderOf(id), artifact.path), "reading", look);
        if (fault !== undefined) found.push(problem(target, fault.message, "bring it back from a copy"));
      }
    }
    return found;
  }

  async function proven(id: string, now: number) {
    const levels = Object.entries(await readProofs(folderOf(id))).map(([target, records]) => [
      target,
      proofStanding(records, { now, expireMs: Number.POSITIVE_INFINITY }).level,
    ]);
    return Object.fromEntries(levels);
  }

  /** Out of sight in one step, so that a prune cut short leaves no half checkpoint. */
  async function discard(id: string): Promise<void> {
    const hidden = join(root, `${removedPrefix}${id}`);
    await onState(folderOf(id), "removing", async () => {
      await rename(folderOf(id), hidden);
      await rm(hidden, { recursive: true, force: true });
    });
  }

  return {
    create: (origin) => onState(root, "creating a checkpoint", () => create(origin)),
    list,
    load,

    async verify(id) {
      await existing(id);
      try {
        return await artifactProblems(id);
      } catch (error) {
        if (error instanceof BackoutError) return [problem(id, error.message, error.hint)];
        throw error;
      }
    },

    reader: (id, target, scratch) =>
      artifactReader({ folder: folderOf(id), target, scratch, encryption }, async () => {
        const part = (await read(id)).parts[target];
        if (part !== undefined) return part.artifacts;
        throw new BackoutError("ARTIFACT_MISSING", `${target}: checkpoint "${id}" has no part for it`, {
          effect: "none",
          hint: "choose another checkpoint with --checkpoint ID",
        });
      }),

    saveProof: async (id, target, record) => addProof(await existing(id), target, record),
    proofs: async (id) => readProofs(await existing(id)),

    async pin(id, note = "") {
      const path = join(await existing(id), "pinned");
      await onState(path, "writing", async () => {
        if (await isThere(path)) return;
        await writeFlushed(path, note);
        await flush(folderOf(id));
      });
    },

    async unpin(id) {
      const path = join(await existing(id), "pinned");
      await onState(path, "removing", async () => {
        await rm(path, { force: true });
        await flush(folderOf(id));
      });
    },

    async prune(policy, { dryRun = false, inUse = new Set<string>() } = {}) {
      const now = clock.now();
      const { checkpoints } = await list();
      const candidates = await Promise.all(
        checkpoints.map(async (checkpoint) => ({ ...checkpoint, proven: await proven(checkpoint.id, now) })),
      );
      const choices = chooseRetention(candidates, policy, { now, inUse });
      if (!dryRun) for (const { id } of choices.filter(({ remove }) => remove)) await discard(id);
      return choices;
    },
  };
}
