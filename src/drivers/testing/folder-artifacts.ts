import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BackoutError } from "../../core/errors.js";
import type { Artifact, ArtifactReader, ArtifactWriter } from "../../core/ports.js";
import { fileDigest } from "../../storage/durable-files.js";

/** The artifacts of one target's part in a plain folder: real files and digests, without a checkpoint around them. */
export interface FolderArtifacts {
  readonly folder: string;
  readonly writer: ArtifactWriter;
  /** What was added so far, sorted by name. */
  list(): Artifact[];
  reader(artifacts: readonly Artifact[]): ArtifactReader;
}

const exists = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined;
};

export async function folderArtifacts(folder: string): Promise<FolderArtifacts> {
  await mkdir(folder, { recursive: true });
  const added = new Map<string, Artifact>();

  const add: ArtifactWriter["add"] = async (name, more) => {
    const path = join(folder, name);
    if (more?.sensitive === true) await chmod(path, 0o600);
    const { size: bytes } = await stat(path);
    const artifact = { name, path: name, digest: await fileDigest(path), bytes, encrypted: false };
    added.set(name, artifact);
    return artifact;
  };

  return {
    folder,
    writer: {
      scratch: (name) => join(folder, name),
      add,
      write: async (name, data, more) => {
        await writeFile(join(folder, name), data);
        return add(name, more);
      },
    },
    list: () => [...added.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    reader: (artifacts) => folderReader(folder, artifacts),
  };
}

export function folderReader(folder: string, artifacts: readonly Artifact[]): ArtifactReader {
  const file = async (name: string): Promise<string> => {
    const artifact = artifacts.find((one) => one.name === name);
    const path = join(folder, artifact?.path ?? name);
    if (artifact === undefined || !(await exists(path))) {
      throw new BackoutError("ARTIFACT_MISSING", `${name}: no such artifact in the checkpoint`, {
        effect: "none",
      });
    }
    if ((await fileDigest(path)) !== artifact.digest) {
      throw new BackoutError("ARTIFACT_ALTERED", `${name}: digest differs from "${artifact.digest}"`, {
        effect: "none",
      });
    }
    return path;
  };
  return { file, read: async (name) => readFile(await file(name)) };
}
