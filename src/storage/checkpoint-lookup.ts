import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointList, CheckpointScope } from "../core/checkpoint/checkpoint-store.js";
import { type Checkpoint, parseManifest } from "../core/checkpoint/manifest.js";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import { plainName } from "./artifact-files.js";
import { onState } from "./durable-files.js";

/** Names in a folder but for hidden ones, sorted; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

export const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined;

/** Finding checkpoints below a folder. Only names that are there are ever made into paths. */
export function checkpointLookup(root: string) {
  /** Path → the text as it was last read, and what it says: a plan reads its checkpoint several times. */
  const known = new Map<
    string,
    { readonly text: string; readonly manifest: ReturnType<typeof parseManifest> }
  >();

  const allIds = () => onState(root, "listing", () => namesIn(root));

  const folderOf = (id: string) => join(root, plainName(id, "checkpoint"));

  async function existing(id: string): Promise<string> {
    if ((await allIds()).includes(id)) return folderOf(id);
    throw notFound(`there is no checkpoint "${id}"`, "backout checkpoints");
  }

  async function read(id: string): Promise<Checkpoint> {
    const path = join(await existing(id), "manifest.json");
    const text = await onState(path, "reading", () => readFile(path, "utf8")).catch((error) => {
      if (error instanceof BackoutError && error.code === "NOT_FOUND") return "";
      throw error;
    });
    const before = known.get(path);
    const manifest = before?.text === text ? before.manifest : parseManifest(text, path);
    known.set(path, { text, manifest });
    if (manifest.id !== id) {
      throw new BackoutError("STATE_CORRUPT", `${path}: is the manifest of "${manifest.id}"`, {
        effect: "none",
        hint: `give the folder its name back: ${manifest.id}`,
      });
    }
    return { ...manifest, pinned: await isThere(join(folderOf(id), "pinned")) };
  }

  async function list(scope?: CheckpointScope): Promise<CheckpointList> {
    const checkpoints: Checkpoint[] = [];
    const damaged: { id: string; error: BackoutError }[] = [];
    for (const id of await allIds()) {
      try {
        checkpoints.push(await read(id));
      } catch (error) {
        if (!(error instanceof BackoutError)) throw error;
        damaged.push({ id, error });
      }
    }
    const wanted = checkpoints.filter(
      ({ system, environment }) =>
        scope === undefined || (system === scope.system && environment === scope.environment),
    );
    return { checkpoints: wanted.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)), damaged };
  }

  async function latest(scope?: CheckpointScope): Promise<Checkpoint> {
    const { checkpoints, damaged } = await list(scope);
    const newest = checkpoints.at(-1);
    const doubtful = damaged.find(({ id }) => newest === undefined || id > newest.id);
    if (doubtful !== undefined) throw doubtful.error;
    if (newest !== undefined) return newest;
    const where = scope === undefined ? "" : ` of ${scope.system}/${scope.environment}`;
    throw notFound(`${root}: there is no checkpoint${where}`, "backout checkpoint");
  }

  async function byBeginning(reference: string): Promise<Checkpoint> {
    const all = await allIds();
    if (all.includes(reference)) return read(reference);
    const found = all.filter((id) => reference !== "" && id.startsWith(reference));
    const [id] = found;
    if (id === undefined) throw notFound(`there is no checkpoint "${reference}"`, "backout checkpoints");
    if (found.length === 1) return read(id);
    throw new BackoutError("REFUSED", `"${reference}" is the beginning of ${found.length} checkpoints`, {
      effect: "none",
      hint: `write more of it: ${found.slice(0, 3).join(", ")}`,
    });
  }

  return {
    folderOf,
    existing,
    read,
    list,
    load: (reference: string, scope?: CheckpointScope) =>
      reference === "latest" ? latest(scope) : byBeginning(reference),
  };
}

const notFound = (message: string, hint: string) =>
  new BackoutError("NOT_FOUND", message, { effect: "none", hint });
