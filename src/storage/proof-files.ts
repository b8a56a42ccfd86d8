import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Proofs } from "../core/checkpoint/checkpoint-store.js";
import { type ProofRecord, proofRecords } from "../core/checkpoint/proof-record.js";
import { BackoutError } from "../core/errors.js";
import { plainName } from "./artifact-files.js";
import { isThere, namesIn } from "./checkpoint-lookup.js";
import { flush, onState, replaceFlushed } from "./durable-files.js";

async function readRecords(path: string): Promise<ProofRecord[]> {
  const text = await onState(path, "reading", () => readFile(path, "utf8"));
  try {
    return proofRecords.parse(JSON.parse(text));
  } catch (cause) {
    throw new BackoutError("STATE_CORRUPT", `${path}: is not a list of proofs`, {
      effect: "none",
      hint: "move the file away and prove the checkpoint again: backout prove",
      cause,
    });
  }
}

/** Of the checkpoint in this folder. */
export async function readProofs(checkpoint: string): Promise<Proofs> {
  const folder = join(checkpoint, "proofs");
  const files = await onState(folder, "listing", () => namesIn(folder));
  const entries = files.map(
    async (file) => [file.replace(/\.json$/, ""), await readRecords(join(folder, file))] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

export async function addProof(checkpoint: string, target: string, record: ProofRecord): Promise<void> {
  const folder = join(checkpoint, "proofs");
  const path = join(folder, `${plainName(target, "target")}.json`);
  const earlier = (await isThere(path)) ? await readRecords(path) : [];
  await onState(path, "writing", async () => {
    if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await flush(checkpoint);
    await replaceFlushed(path, `${JSON.stringify([...earlier, record], undefined, 1)}\n`);
  });
}
