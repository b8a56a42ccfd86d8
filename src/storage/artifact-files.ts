import { mkdirSync } from "node:fs";
import { chmod, lstat, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import type { Artifact, ArtifactReader, ArtifactWriter } from "../core/ports.js";
import { decryptBytes, decryptFile, type Encryption, encryptFile } from "./age-files.js";
import { fileDigest, flush, onState, writeFlushed } from "./durable-files.js";

/** One file name, nothing that leads elsewhere. */
export function plainName(name: string, what: string): string {
  if (/^(?!\.{1,2}$)[^/\0]{1,200}$/.test(name)) return name;
  throw new BackoutError("INTERNAL", `${what}: "${name}" cannot be a file name here`, { effect: "none" });
}

export interface ArtifactFolder extends ArtifactWriter {
  /** What was added, sorted by name. */
  list(): Artifact[];
}

interface WriterPlace {
  /** The checkpoint being written. */
  readonly draft: string;
  readonly target: string;
  /** Removed when the checkpoint is done. */
  readonly scratch: string;
  readonly encryption: Encryption | undefined;
}

export function artifactWriter({ draft, target, scratch, encryption }: WriterPlace): ArtifactFolder {
  const added = new Map<string, Artifact>();
  const scratchPath = (name: string) => join(scratch, plainName(name, `artifact of ${target}`));

  const add: ArtifactWriter["add"] = async (name, more = {}) => {
    const from = scratchPath(name);
    if (more.sensitive && encryption === undefined) {
      await rm(from, { force: true });
      throw new BackoutError("REFUSED", `${target}: "${name}" holds secrets and would be kept unencrypted`, {
        effect: "none",
        hint: "make a key with `age-keygen` and name its public key in the playbook: encryption.recipients",
      });
    }
    return onState(from, "keeping the artifact", async () => {
      await refuseUnlessFile(from, target, name);
      const path = `parts/${target}/${name}${encryption === undefined ? "" : ".age"}`;
      const to = join(draft, path);
      await mkdir(join(draft, "parts", target), { recursive: true, mode: 0o700 });
      await rm(to, { force: true });
      if (encryption === undefined) await rename(from, to);
      else await encryptFile(from, to, encryption);
      await rm(from, { force: true });
      await chmod(to, 0o600);
      await flush(to);
      const artifact: Artifact = {
        name,
        path,
        digest: await fileDigest(to),
        bytes: (await lstat(to)).size,
        encrypted: encryption !== undefined,
      };
      added.set(name, artifact);
      return artifact;
    });
  };

  return {
    scratch(name) {
      const path = scratchPath(name);
      mkdirSync(scratch, { recursive: true, mode: 0o700 });
      return path;
    },
    add,
    async write(name, data, more) {
      const path = scratchPath(name);
      await onState(path, "writing", async () => {
        await mkdir(scratch, { recursive: true, mode: 0o700 });
        await rm(path, { force: true });
        await writeFlushed(path, data);
      });
      return add(name, more);
    },
    list: () => [...added.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

async function refuseUnlessFile(path: string, target: string, name: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile()) return;
  const fact = found === undefined ? "was not written" : "is not a plain file";
  throw new BackoutError("ARTIFACT_MISSING", `${target}: artifact "${name}" ${fact}`, { effect: "none" });
}

type ArtifactFault = "missing" | "altered";

/** Compares a stored artifact with its entry; names what is wrong. */
export async function artifactFault(
  folder: string,
  { path, bytes, digest }: Artifact,
): Promise<{ readonly fault: ArtifactFault; readonly message: string } | undefined> {
  const full = join(folder, path);
  const found = await lstat(full).catch((error) => {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  });
  if (!found?.isFile()) return { fault: "missing", message: `${full}: the artifact is missing` };
  if (found.size !== bytes) {
    return { fault: "altered", message: `${full}: has ${found.size} bytes instead of ${bytes}` };
  }
  const actual = await fileDigest(full);
  if (actual === digest) return undefined;
  return { fault: "altered", message: `${full}: was altered: its digest is "${actual}", not "${digest}"` };
}

interface ReaderPlace {
  /** The checkpoint's folder. */
  readonly folder: string;
  readonly target: string;
  /** Where decrypted files go. */
  readonly scratch: () => Promise<string>;
  readonly encryption: Encryption | undefined;
}

/** `artifacts` is asked at the first use, so that making a reader reads nothing. */
export function artifactReader(
  place: ReaderPlace,
  artifacts: () => Promise<readonly Artifact[]>,
): ArtifactReader {
  const ready = new Map<string, Promise<string>>();
  const file = (name: string): Promise<string> => {
    const known = ready.get(name) ?? plainFile(place, name, artifacts);
    ready.set(name, known);
    return known;
  };
  const read = async (name: string): Promise<Uint8Array> => {
    const { stored, encrypted } = await soundArtifact(place, name, artifacts);
    const bytes = encrypted ? decryptBytes(stored, place.encryption) : readFile(stored);
    return onState(stored, "reading the artifact", () => bytes);
  };
  return { file, read };
}

async function plainFile(
  place: ReaderPlace,
  name: string,
  artifacts: () => Promise<readonly Artifact[]>,
): Promise<string> {
  const { stored, encrypted } = await soundArtifact(place, name, artifacts);
  if (!encrypted) return stored;
  const { scratch, target, encryption } = place;
  return onState(stored, "reading the artifact", async () => {
    const folder = join(await scratch(), ".artifacts");
    const plain = join(folder, plainName(name, target));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(plain, { force: true });
    await decryptFile(stored, plain, encryption);
    return plain;
  });
}

/** As it is stored, compared with its digest. */
async function soundArtifact(
  { folder, target }: ReaderPlace,
  name: string,
  artifacts: () => Promise<readonly Artifact[]>,
): Promise<{ readonly stored: string; readonly encrypted: boolean }> {
  const artifact = (await artifacts()).find((one) => one.name === name);
  if (artifact === undefined) {
    throw new BackoutError("ARTIFACT_MISSING", `${target}: the checkpoint has no artifact "${name}"`, {
      effect: "none",
    });
  }
  const stored = join(folder, artifact.path);
  const found = await onState(stored, "reading the artifact", () => artifactFault(folder, artifact));
  if (found === undefined) return { stored, encrypted: artifact.encrypted };
  const code = found.fault === "missing" ? "ARTIFACT_MISSING" : "ARTIFACT_ALTERED";
  throw new BackoutError(code, found.message, {
    effect: "none",
    hint: "choose another checkpoint with --checkpoint ID, or bring the file back from a copy",
  });
}
