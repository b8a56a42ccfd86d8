import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { readDigest } from "../core/content-digest.js";

/** What backout itself creates on the way to a whole file: never part of anybody's contents. */
export const temporaryName = /^\.backout-[0-9a-f]{8}-\d+-[0-9a-f]{12}\.tmp$/;

const readsAtOnce = 8;

interface Entry {
  /** Below the root, one character a byte: names need not be UTF-8. */
  readonly name: string;
  readonly path: Buffer;
  readonly stat: Stats;
}

async function fileDigest(path: Buffer): Promise<string> {
  const file = await open(path);
  try {
    return await readDigest(async (part) => (await file.read(part, 0, part.length)).bytesRead);
  } finally {
    await file.close();
  }
}

async function collect(folder: Buffer, prefix: string, except: ReadonlySet<string>): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const child of await readdir(folder, { encoding: "buffer" })) {
    const last = child.toString("latin1");
    const name = `${prefix}${last}`;
    if (except.has(name) || temporaryName.test(last)) continue;
    const path = Buffer.concat([folder, Buffer.from("/"), child]);
    const stat = await lstat(path);
    entries.push({ name, path, stat });
    if (stat.isDirectory()) entries.push(...(await collect(path, `${name}/`, except)));
  }
  return entries;
}

async function describe({ name, path, stat }: Entry): Promise<string> {
  if (stat.isDirectory()) return JSON.stringify(["directory", name]);
  if (stat.isSymbolicLink()) {
    return JSON.stringify(["link", name, (await readlink(path, { encoding: "buffer" })).toString("latin1")]);
  }
  if (!stat.isFile()) return JSON.stringify(["other", name]);
  return JSON.stringify([(stat.mode & 0o100) === 0 ? "file" : "program", name, await fileDigest(path)]);
}

/** A few at a time, results in the order of the list. */
async function describeAll(entries: readonly Entry[]): Promise<string[]> {
  const lines: string[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < entries.length; index = next++) {
      const entry = entries[index];
      if (entry !== undefined) lines[index] = await describe(entry);
    }
  };
  await Promise.all(Array.from({ length: readsAtOnce }, worker));
  return lines;
}

/** Of a single file: the digest of its contents, as `sha256sum` prints it. `except`: paths below the root, with all that is in them. */
export async function treeDigest(root: string, except: readonly string[]): Promise<string> {
  const path = Buffer.from(root);
  const stat = await lstat(path);
  if (stat.isFile()) return fileDigest(path);
  const left = new Set(
    except.map((name) => Buffer.from(name.replace(/^\.\//, "").replace(/\/+$/, "")).toString("latin1")),
  );
  const entries = stat.isDirectory() ? await collect(path, "", left) : [{ name: "", path, stat }];
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash("sha256");
  for (const line of await describeAll(entries)) hash.update(`${line}\n`);
  return `sha256:${hash.digest("hex")}`;
}
