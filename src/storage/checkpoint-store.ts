import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointStore, Draft, DraftOrigin } from "../core/checkpoint/checkpoint-store.js";
import { proofStanding } from "../core/checkpoint/proof-record.js";
import { chooseRetention } from "../core/checkpoint/retention.js";
import { BackoutError, type Problem, problem } from "../core/errors.js";
import type { Clock, Ids, Processes } from "../core/ports.js";
import type { Encryption } from "./age-files.js";
import { artifactFault, artifactReader } from "./artifact-files.js";
import { claimDraft, openDraft, removedPrefix, sweepDrafts } from "./checkpoint-draft.js";
import { checkpointLookup, isThere } from "./checkpoint-lookup.js";
import { flush, onState, writeFlushed } from "./durable-files.js";
import { addProof, readProofs } from "./proof-files.js";

export interface CheckpointStoreOptions {
  /** The state folder: checkpoints lie in `checkpoints/` below it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  /** With secrets resolved. Where it is given, every artifact is encrypted. */
  readonly encryption?: Encryption | undefined;
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
