import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Files } from "../core/ports.js";
import { localFiles } from "./local-files.js";

const root = await mkdtemp(join(tmpdir(), "backout-files-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let folder: string;
let files: Files;
let count = 0;
beforeEach(async () => {
  folder = join(root, String(++count));
  await mkdir(folder);
  files = localFiles(folder);
});

const at = (name: string) => join(folder, name);
const asRoot = process.getuid?.() === 0;

describe("write", () => {
  test("replaces the file in one step and leaves nothing beside it", async () => {
    await files.write("a", "one");
    const before = (await stat(at("a"))).ino;
    await files.write("a", new Uint8Array([0, 255]));
    expect([...(await files.read("a"))]).toEqual([0, 255]);
    expect((await stat(at("a"))).ino).not.toBe(before);
    expect(await readdir(folder)).toEqual(["a"]);
  });

  test("H34 a reader never sees less than a whole file", async () => {
    const texts = ["a", "b"].map((letter) => letter.repeat(200_000));
    await files.write("a", texts[0] ?? "");
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 30; i++) await files.write("a", texts[i % 2] ?? "");
      writing = false;
    })();
    let seen = 0;
    for (; writing; seen++) expect(texts).toContain(await readFile(at("a"), "utf8"));
    await writer;
    expect(seen).toBeGreaterThan(0);
  });

  test("keeps the mode of the old file unless another is given", async () => {
    await writeFile(at("secret"), "x", { mode: 0o600 });
    await files.write("secret", "y");
    expect((await files.stat("secret"))?.mode).toBe(0o600);
    await files.write("secret", "z", { mode: 0o640 });
    expect((await files.stat("secret"))?.mode).toBe(0o640);
  });

  test.runIf(asRoot)("keeps the owner of the old file unless another is given", async () => {
    await writeFile(at("a"), "x");
    execFileSync("chown", ["1234:4321", at("a")]);
    await files.write("a", "y");
    expect(await files.stat("a")).toMatchObject({ uid: 1234, gid: 4321 });
    await files.write("a", "y", { uid: 7 });
    expect(await files.stat("a")).toMatchObject({ uid: 7, gid: 4321 });
  });

  test("a link stays a link: what it leads to is replaced", async () => {
    await mkdir(at("shared"));
    await writeFile(at("shared/.env"), "old");
    await symlink("shared/.env", at(".env"));
    await files.write(".env", "new");
    expect((await lstat(at(".env"))).isSymbolicLink()).toBe(true);
    expect(await readFile(at("shared/.env"), "utf8")).toBe("new");
  });

  test("removes what a killed backout left for the same file, and nothing of a living one", async () => {
    await files.write("a", "x");
    const prefix = temporaryPrefix("a");
    await writeFile(at(`${prefix}-4194999-0123456789ab.tmp`), "half");
    await writeFile(at(`${prefix}-${process.pid}-0123456789ab.tmp`), "being written");
    const digest = await files.digest(".");
    await files.write("a", "x");
    expect((await readdir(folder)).sort()).toEqual([`${prefix}-${process.pid}-0123456789ab.tmp`, "a"]);
    expect(await files.digest(".")).toBe(digest);
  });
});

/** How temporary names for a file begin. */
const temporaryPrefix = (name: string) =>
  `.backout-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;

describe("errors name the path, the fact and a mend", () => {
  const cases: [string, string, (files: Files) => Promise<unknown>][] = [
    ["read nothing", "NOT_FOUND", (it) => it.read("gone")],
    ["read below a file", "NOT_FOUND", (it) => it.read("file/below")],
    ["read a folder", "CONFLICT", (it) => it.read("folder")],
    ["write into a missing folder", "NOT_FOUND", (it) => it.write("gone/file", "x")],
    ["write over a folder", "CONFLICT", (it) => it.write("folder", "x")],
    ["write through a dangling link", "NOT_FOUND", (it) => it.write("dangling", "x")],
    ["write to a full device", "STATE_FULL", (it) => it.write("full/file", "x".repeat(300_000))],
    ["list nothing", "NOT_FOUND", (it) => it.list("gone")],
    ["read a link that is a file", "CONFLICT", (it) => it.readLink("file")],
    ["put a link in place of a file", "CONFLICT", (it) => it.replaceLink("file", "x")],
    ["put a link in place of a folder", "CONFLICT", (it) => it.replaceLink("folder", "x")],
    ["rename nothing", "NOT_FOUND", (it) => it.rename("gone", "b")],
    ["rename over a full folder", "CONFLICT", (it) => it.rename("empty", "folder")],
    ["digest nothing", "NOT_FOUND", (it) => it.digest("gone")],
  ];

  test.each(cases)("%s: %s", async (name, code, attempt) => {
    const full = name.includes("full device");
    if (full && !asRoot) return expect(code).toBe("STATE_FULL");
    await writeFile(at("file"), "kept");
    await mkdir(at("folder/inner"), { recursive: true });
    await mkdir(at("empty"));
    await symlink("nowhere", at("dangling"));
    await mkdir(at("full"));
    if (full) execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", at("full")]);
    try {
      const error = { code, effect: "none", message: expect.stringContaining(folder) };
      await expect(attempt(files)).rejects.toMatchObject(error);
      expect(await readFile(at("file"), "utf8")).toBe("kept");
      for (const place of [folder, at("full")]) {
        expect((await readdir(place)).filter((entry) => entry.startsWith(".backout"))).toEqual([]);
      }
    } finally {
      if (full) execFileSync("umount", [at("full")]);
    }
  });

  test("DENIED, seen by a user who is not root", async () => {
    await writeFile(at("secret"), "x", { mode: 0o600 });
    await chmod(root, 0o755);
    await chmod(folder, 0o555);
    const wasUser = process.geteuid?.();
    if (asRoot) process.seteuid?.(65534);
    try {
      if (asRoot) await expect(files.read("secret")).rejects.toMatchObject({ code: "DENIED" });
      await expect(files.write("new", "x")).rejects.toMatchObject({
        code: "DENIED",
        effect: "none",
        message: expect.stringContaining(at("new")),
        hint: expect.stringContaining("owner or mode"),
      });
    } finally {
      if (asRoot && wasUser !== undefined) process.seteuid?.(wasUser);
      await chmod(folder, 0o755);
    }
  });
});

describe("links", () => {
  test("H34 is pointed elsewhere in one step, also when it led to a folder", async () => {
    await mkdir(at("v1"));
    await mkdir(at("v2"));
    await files.replaceLink("current", "v1");
    await files.replaceLink("current", "v2");
    expect(await files.readLink("current")).toBe("v2");
    expect((await readdir(folder)).sort()).toEqual(["current", "v1", "v2"]);
    expect(await readdir(at("v1"))).toEqual([]);
  });
});

describe("looking and removing", () => {
  test("stat does not follow the last link and knows nothing of what is not there", async () => {
    await symlink("nowhere", at("link"));
    await writeFile(at("file"), "four");
    expect((await files.stat("link"))?.kind).toBe("link");
    expect(await files.stat("file")).toMatchObject({ kind: "file", size: 4 });
    expect(await files.stat("file/below")).toBeUndefined();
    expect(await files.stat("gone")).toBeUndefined();
  });

  test("list is sorted and tells kinds", async () => {
    await mkdir(at("b"));
    await writeFile(at("a"), "");
    await symlink("a", at("c"));
    expect(await files.list(".")).toEqual([
      { name: "a", kind: "file" },
      { name: "b", kind: "directory" },
      { name: "c", kind: "link" },
    ]);
  });

  test("remove takes a link, not what it leads to; nothing there is no error", async () => {
    await mkdir(at("kept"));
    await writeFile(at("kept/file"), "x");
    await symlink("kept", at("link"));
    await files.remove("link");
    await files.remove("gone/deeper");
    expect(await readdir(folder)).toEqual(["kept"]);
    await files.remove("kept");
    expect(await readdir(folder)).toEqual([]);
  });

  test("makeDirectory gives the mode to what it creates, not to what was there", async () => {
    await files.makeDirectory("a/b", 0o700);
    expect((await files.stat("a/b"))?.mode).toBe(0o700);
    await files.makeDirectory("a/b", 0o755);
    expect((await files.stat("a/b"))?.mode).toBe(0o700);
  });

  test("freeBytes also for what is yet to be created", async () => {
    expect(await files.freeBytes("not/yet/there")).toBeGreaterThan(0);
  });
});

describe("digest", () => {
  test("of a file is what sha256sum prints", async () => {
    await writeFile(at("a"), "abc");
    expect(await files.digest("a")).toBe(
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  async function tree(name: string, order: readonly string[]) {
    await mkdir(at(`${name}/sub/empty`), { recursive: true });
    for (const file of order) await writeFile(at(`${name}/${file}`), file);
    await symlink("sub/x", at(`${name}/link`));
    await writeFile(Buffer.concat([Buffer.from(at(`${name}/`)), Buffer.from([0x66, 0xff])]), "not UTF-8");
  }

  const names = ["a", "b", "sub/x", "sub/y", "sub.z"];

  test("does not depend on place, time or order of creation", async () => {
    await tree("one", names);
    await tree("two", [...names].reverse());
    expect(await files.digest("one")).toBe(await files.digest("two"));
  });

  const changes: [string, (name: string) => Promise<unknown>][] = [
    ["contents", (name) => writeFile(at(`${name}/sub/y`), "sub/Y")],
    ["a name", (name) => files.rename(`${name}/a`, `${name}/A`)],
    ["a new empty folder", (name) => mkdir(at(`${name}/new`))],
    ["a link's target", (name) => files.replaceLink(`${name}/link`, "sub/y")],
    ["the executable bit", (name) => chmod(at(`${name}/a`), 0o755)],
    ["a file gone", (name) => rm(at(`${name}/b`))],
    ["a file moved down", (name) => files.rename(`${name}/a`, `${name}/sub/a`)],
  ];
  test.each(changes)("sees %s", async (_, change) => {
    await tree("one", names);
    const before = await files.digest("one");
    await change("one");
    expect(await files.digest("one")).not.toBe(before);
  });

  test("leaves out what it is told to, with all that is in it", async () => {
    await tree("one", names);
    const whole = await files.digest("one");
    const before = await files.digest("one", { except: ["sub", "a"] });
    await writeFile(at("one/sub/x"), "changed");
    await rm(at("one/a"));
    expect(await files.digest("one", { except: ["./sub/", "a"] })).toBe(before);
    expect(before).not.toBe(whole);
    await writeFile(at("one/sub.z"), "changed");
    expect(await files.digest("one", { except: ["sub", "a"] })).not.toBe(before);
  });
});
