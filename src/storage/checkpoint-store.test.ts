import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { CheckpointStore, Draft } from "../core/checkpoint/checkpoint-store.js";
import type { Checkpoint } from "../core/checkpoint/manifest.js";
import type { ProofRecord } from "../core/checkpoint/proof-record.js";
import { contentDigest } from "../core/content-digest.js";
import type { Clock, Processes } from "../core/ports.js";
import type { Encryption } from "./age-files.js";
import { checkpointStore } from "./checkpoint-store.js";

const base = await mkdtemp(join(tmpdir(), "backout-store-"));
afterAll(() => rm(base, { recursive: true, force: true }));

const asRoot = process.getuid?.() === 0;
const origin = { system: "shop", environment: "production", by: "alice@ops" };
const part = { driver: "sqlite", options: {}, captureMs: 5, identity: "i", summary: "s", data: {}, at: 1 };

let folder: string;
let now: number;
let store: CheckpointStore;
let count = 0;

const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
const running = new Set<string>();
const processes: Processes = {
  identify: (pid) => ({ pid, started: "boot:1", host: hostname() }),
  alive: ({ pid, started, host }) => (host === hostname() ? running.has(`${pid} ${started}`) : undefined),
};

function open(encryption?: Encryption): CheckpointStore {
  let next = 0;
  const ids = { next: (prefix: string) => `${prefix}-${now}-${next++}` };
  return checkpointStore({ folder, clock, ids, processes, encryption });
}

beforeEach(() => {
  folder = join(base, String(++count), "state");
  now = 1_700_000_000_000;
  running.clear();
  running.add(`${process.pid} boot:1`);
  store = open();
});

const root = (...path: string[]) => join(folder, "checkpoints", ...path);
const names = async () => new Set(await readdir(root()));

async function fill(draft: Draft, files: Record<string, string | Uint8Array> = { "app.db": "contents" }) {
  const writer = draft.artifacts("db");
  for (const [name, data] of Object.entries(files)) await writer.write(name, data);
  draft.setPart("db", part);
  return draft;
}

async function made(files?: Record<string, string | Uint8Array>, from = store): Promise<Checkpoint> {
  now += 1_000;
  return (await fill(await from.create(origin), files)).commit();
}

async function scratch(): Promise<string> {
  return mkdtemp(join(base, "scratch-"));
}

describe("a checkpoint", () => {
  test("comes back as it was made, and only that is left on the disk", async () => {
    const draft = await fill(await store.create({ ...origin, change: "v42" }));
    draft.setBaselines({ errors: 0.5 }, { errors: "sha256:1" });
    const made = await draft.commit();
    expect(await store.load(made.id)).toEqual(made);
    expect(made).toMatchObject({
      ...origin,
      change: "v42",
      at: now,
      baselines: { errors: 0.5 },
      pinned: false,
    });
    expect(made.parts["db"]?.artifacts).toEqual([
      {
        name: "app.db",
        path: "parts/db/app.db",
        digest: `sha256:${createHash("sha256").update("contents").digest("hex")}`,
        bytes: 8,
        encrypted: false,
      },
    ]);
    expect(await readdir(root())).toEqual([made.id]);
    expect((await readdir(root(made.id))).sort()).toEqual(["manifest.json", "parts"]);
    expect((await stat(root())).mode & 0o777).toBe(0o700);
    expect(await store.verify(made.id)).toEqual([]);
  });

  test("adopts what a tool wrote to the scratch path; a repeated capture starts from nothing", async () => {
    const draft = await store.create(origin);
    const first = draft.artifacts("db");
    await writeFile(first.scratch("dump"), "first");
    await first.add("dump");
    await first.write("left over", "x");
    const second = draft.artifacts("db");
    await writeFile(second.scratch("dump"), "second");
    await second.add("dump");
    draft.setPart("db", part);
    const { id, parts } = await draft.commit();
    expect(parts["db"]?.artifacts.map(({ name }) => name)).toEqual(["dump"]);
    expect(await readdir(root(id, "parts", "db"))).toEqual(["dump"]);
    const reader = store.reader(id, "db", scratch);
    expect(Buffer.from(await reader.read("dump")).toString()).toBe("second");
  });

  test("is nowhere to be seen before it is committed, nor after it is abandoned", async () => {
    const draft = await fill(await store.create(origin));
    expect((await store.list()).checkpoints).toEqual([]);
    await expect(store.load("latest")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await draft.abandon();
    expect(await readdir(root())).toEqual([]);
    await expect(draft.commit()).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test.each(["..", ".", "a/b", "", "a\0"])("an artifact cannot be named %j", async (name) => {
    const writer = (await store.create(origin)).artifacts("db");
    await expect(writer.write(name, "x")).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test.each([
    ["was not written", async () => undefined],
    ["is not a plain file", (path: string) => symlink("/etc/passwd", path)],
    ["is not a plain file", (path: string) => mkdir(path)],
  ])("an artifact that %s is refused", async (fact, make) => {
    const writer = (await store.create(origin)).artifacts("db");
    await make(writer.scratch("dump"));
    await expect(writer.add("dump")).rejects.toMatchObject({
      code: "ARTIFACT_MISSING",
      message: expect.stringContaining(fact),
    });
  });

  test("two are made at the same time without harm", async () => {
    const drafts = await Promise.all([store.create(origin), store.create(origin)]);
    await Promise.all(drafts.map((draft) => fill(draft)));
    await Promise.all(drafts.map((draft) => draft.commit()));
    expect((await store.list()).checkpoints).toHaveLength(2);
  });
});

describe("finding one", () => {
  test("by id, by a unique beginning, the latest of its environment", async () => {
    const [first, second] = [await made(), await made()];
    now += 1_000;
    const staging = await (await fill(await store.create({ ...origin, environment: "staging" }))).commit();
    expect((await store.load(first.id)).id).toBe(first.id);
    expect((await store.load(second.id.slice(0, -1))).id).toBe(second.id);
    expect((await store.load("latest", origin)).id).toBe(second.id);
    expect((await store.load("latest")).id).toBe(staging.id);
    expect((await store.list(origin)).checkpoints.map(({ id }) => id)).toEqual([first.id, second.id]);
    await expect(store.load("cp-")).rejects.toMatchObject({ code: "REFUSED" });
    for (const name of ["no", "", "..", "../checkpoints", "."]) {
      await expect(store.load(name)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(store.load("latest", { system: "blog", environment: "x" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("blog/x"),
    });
  });

  test("H02 a damaged latest is said, not replaced by an older one; the older can be asked for", async () => {
    const [first, second] = [await made(), await made()];
    await truncate(root(second.id, "manifest.json"), 100);
    await expect(store.load("latest", origin)).rejects.toMatchObject({
      code: "STATE_CORRUPT",
      message: expect.stringContaining(root(second.id, "manifest.json")),
    });
    expect((await store.load(first.id)).id).toBe(first.id);
    const { checkpoints, damaged } = await store.list();
    expect(checkpoints.map(({ id }) => id)).toEqual([first.id]);
    expect(damaged.map(({ id, error }) => `${id} ${error.code}`)).toEqual([`${second.id} STATE_CORRUPT`]);
    expect((await store.prune({ keep: 1 })).map(({ id }) => id)).toEqual([first.id]);
  });

  test("one whose folder lost its manifest, or got another's, is corrupt", async () => {
    const [first, second] = [await made(), await made()];
    const text = await readFile(root(second.id, "manifest.json"));
    await writeFile(root(first.id, "manifest.json"), text);
    await expect(store.load(first.id)).rejects.toMatchObject({ code: "STATE_CORRUPT" });
    await rm(root(second.id, "manifest.json"));
    await expect(store.load(second.id)).rejects.toMatchObject({ code: "STATE_CORRUPT" });
    expect(await store.verify(second.id)).toHaveLength(1);
  });

  test("one of a later backout is newer, and is left as it is", async () => {
    const { id } = await made();
    const manifest = { version: 2, id, anything: true };
    const text = JSON.stringify({ digest: contentDigest(manifest), manifest });
    await writeFile(root(id, "manifest.json"), text);
    await expect(store.load("latest")).rejects.toMatchObject({
      code: "STATE_NEWER",
      hint: expect.stringContaining("upgrade"),
    });
    await store.prune({ keep: 1 });
    expect(await readFile(root(id, "manifest.json"), "utf8")).toBe(text);
  });
});

describe("artifacts are checked before they are used", () => {
  test("H26 an altered byte is found, in whichever artifact and wherever", async () => {
    const files = { a: "x".repeat(100_000), b: new Uint8Array(3_000).fill(7), c: "z" };
    const { id, parts } = await made(files);
    const reader = async () => store.reader(id, "db", scratch);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...(parts["db"]?.artifacts ?? [])),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (artifact, where, change) => {
          const path = root(id, artifact.path);
          const whole = await readFile(path);
          const altered = Buffer.from(whole);
          const at = where % whole.length;
          altered[at] = (altered[at] ?? 0) ^ change;
          await writeFile(path, altered);
          try {
            const problems = await store.verify(id);
            expect(problems.map((one) => one.path)).toEqual(["db"]);
            expect(problems[0]?.message).toContain(path);
            await expect((await reader()).file(artifact.name)).rejects.toMatchObject({
              code: "ARTIFACT_ALTERED",
              effect: "none",
            });
          } finally {
            await writeFile(path, whole);
          }
        },
      ),
      { numRuns: 40 },
    );
    expect(await store.verify(id)).toEqual([]);
    expect(await (await reader()).file("c")).toBe(root(id, "parts/db/c"));
  });

  test("cut, missing, or never there", async () => {
    const { id } = await made({ cut: "12345", gone: "x", kept: "y" });
    await truncate(root(id, "parts/db/cut"), 3);
    await rm(root(id, "parts/db/gone"));
    const reader = store.reader(id, "db", scratch);
    await expect(reader.read("cut")).rejects.toMatchObject({ code: "ARTIFACT_ALTERED" });
    await expect(reader.read("gone")).rejects.toMatchObject({ code: "ARTIFACT_MISSING" });
    await expect(reader.read("never")).rejects.toMatchObject({ code: "ARTIFACT_MISSING" });
    await expect(store.reader(id, "cache", scratch).read("x")).rejects.toMatchObject({
      code: "ARTIFACT_MISSING",
    });
    expect(Buffer.from(await reader.read("kept")).toString()).toBe("y");
    expect((await store.verify(id)).map(({ message }) => message)).toEqual([
      `${root(id, "parts/db/cut")}: has 3 bytes instead of 5`,
      `${root(id, "parts/db/gone")}: the artifact is missing`,
    ]);
  });
});

describe("encryption", () => {
  const secret = "POSTGRES_PASSWORD=hunter22\n";
  let identity: string;
  let recipient: string;
  beforeEach(async () => {
    identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
  });

  test("H73 a sensitive artifact is refused without it, and leaves nothing behind", async () => {
    const draft = await store.create(origin);
    await expect(draft.artifacts("env").write(".env", secret, { sensitive: true })).rejects.toMatchObject({
      code: "REFUSED",
      effect: "none",
      hint: expect.stringContaining("age-keygen"),
    });
    draft.setPart("env", part);
    const { id } = await draft.commit();
    expect(await readdir(root(id, "parts"))).toEqual([]);
  });

  test("H73 nothing plain is on the disk, and it comes back with the key", async () => {
    const large = Buffer.alloc(1_000_001, "ä");
    const { id, parts } = await made({ ".env": secret, large, empty: "" }, open({ recipients: [recipient] }));
    expect(parts["db"]?.artifacts.map(({ path, encrypted }) => [path, encrypted])).toEqual([
      ["parts/db/.env.age", true],
      ["parts/db/empty.age", true],
      ["parts/db/large.age", true],
    ]);
    for (const name of await readdir(root(id, "parts/db"))) {
      expect((await readFile(root(id, "parts/db", name))).includes("hunter22")).toBe(false);
    }
    expect(await store.verify(id)).toEqual([]);
    const folder = await scratch();
    const keyFile = `# created: today\n# public key: ${recipient}\n${identity}\n`;
    const reader = open({ recipients: [], identity: async () => keyFile }).reader(
      id,
      "db",
      async () => folder,
    );
    expect(await readFile(await reader.file(".env"), "utf8")).toBe(secret);
    expect((await stat(await reader.file(".env"))).mode & 0o777).toBe(0o600);
    expect(await reader.file(".env")).toContain(folder);
    expect(large.equals(await reader.read("large"))).toBe(true);
    expect(await reader.read("empty")).toHaveLength(0);
  });

  test("without a key, with a wrong one, with what is none: no key is in the message", async () => {
    const { id } = await made({ ".env": secret }, open({ recipients: [recipient] }));
    const other = await generateX25519Identity();
    const cases: [string | undefined, string][] = [
      [undefined, "REFUSED"],
      ["nonsense", "REFUSED"],
      [other, "DENIED"],
      [`${identity.slice(0, -1)}!`, "ARTIFACT_ALTERED"],
    ];
    for (const [key, code] of cases) {
      const reader = open({ recipients: [], identity: async () => key ?? "" }).reader(id, "db", scratch);
      const error = await reader.read(".env").catch((caught) => caught);
      expect(error).toMatchObject({ code, effect: "none" });
      expect(`${error.message} ${error.hint}`).not.toMatch(/AGE-SECRET-KEY-1\w/);
    }
  });

  test("what is not a public key is refused, and named", async () => {
    const draft = await open({ recipients: ["age1nonsense"] }).create(origin);
    await expect(draft.artifacts("db").write("a", "x")).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("age1nonsense"),
    });
  });
});

describe("proofs and pins", () => {
  const proof = (at: number, level: ProofRecord["level"]): ProofRecord => ({
    at,
    by: "alice@ops",
    result: "passed",
    level,
    checks: [{ name: "rows", result: "passed", expected: "3", actual: "3" }],
    restoreMs: 40,
  });

  test("are added beside the checkpoint, which they do not change", async () => {
    const { id, digest } = await made();
    expect(await store.proofs(id)).toEqual({});
    await store.saveProof(id, "db", proof(1, "readable"));
    await store.saveProof(id, "db", proof(2, "restored"));
    await store.saveProof(id, "cache", proof(3, "restored"));
    expect(await store.proofs(id)).toEqual({
      db: [proof(1, "readable"), proof(2, "restored")],
      cache: [proof(3, "restored")],
    });
    await store.pin(id, "keep for the audit");
    await store.pin(id);
    expect(await readFile(root(id, "pinned"), "utf8")).toBe("keep for the audit");
    expect(await store.load(id)).toMatchObject({ digest, pinned: true });
    await store.unpin(id);
    await store.unpin(id);
    expect((await store.load(id)).pinned).toBe(false);
    expect(await store.verify(id)).toEqual([]);
    await expect(store.pin("cp-")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(store.saveProof("no", "db", proof(1, "readable"))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("a broken proof file is no proof and no silence", async () => {
    const { id } = await made();
    await store.saveProof(id, "db", proof(1, "readable"));
    await truncate(root(id, "proofs/db.json"), 20);
    await expect(store.proofs(id)).rejects.toMatchObject({
      code: "STATE_CORRUPT",
      message: expect.stringContaining(root(id, "proofs/db.json")),
    });
  });

  test("H32 prune says first, then removes: not what is proven, pinned or in use", async () => {
    const all = [];
    for (let i = 0; i < 6; i++) all.push((await made()).id);
    const [proven = "", pinned = "", used = "", old = ""] = all;
    await store.saveProof(proven, "db", proof(1, "restored"));
    await store.pin(pinned);
    const inUse = new Set([used]);
    const dry = await store.prune({ keep: 2 }, { dryRun: true, inUse });
    expect(dry.filter(({ remove }) => remove).map(({ id }) => id)).toEqual([old]);
    expect(await readdir(root())).toEqual(all);
    expect(await store.prune({ keep: 2 }, { inUse })).toEqual(dry);
    expect(await readdir(root())).toEqual(all.filter((id) => id !== old));
  });
});

describe("what a dead writer left", () => {
  async function leftover(writer: unknown): Promise<string> {
    const name = `.tmp-cp-${count}-${Math.random()}`;
    await mkdir(root(name, "parts"), { recursive: true });
    if (writer !== undefined)
      await writeFile(root(name, "writer.json"), JSON.stringify(writer).slice(0, 200));
    return name;
  }
  const minute = 60_000;

  test("goes with the next checkpoint; what a living one is writing stays", async () => {
    now = Date.now();
    const mine = { pid: process.pid, started: "boot:1", host: hostname(), at: now };
    const stays = [
      await leftover(mine),
      await leftover(undefined),
      await leftover({ ...mine, host: "elsewhere" }),
    ];
    await leftover({ ...mine, started: "boot:0" });
    await leftover({ ...mine, pid: 4_194_999 });
    await leftover({ ...mine, host: "elsewhere", at: now - 25 * 60 * minute });
    await mkdir(root(".removed-cp-1"));
    const { id } = await made();
    expect(await names()).toEqual(new Set([...stays, id]));
    now += 2 * minute;
    const next = await made();
    expect(await names()).toEqual(new Set([stays[0], stays[2], id, next.id]));
  });
});

describe("a state folder that cannot be used", () => {
  test("not writable", async () => {
    await mkdir(folder, { recursive: true });
    await chmod(base, 0o755);
    await chmod(folder, 0o555);
    if (asRoot) process.seteuid?.(65534);
    try {
      await expect(store.create(origin)).rejects.toMatchObject({
        code: "STATE_UNWRITABLE",
        message: expect.stringContaining(folder),
      });
    } finally {
      if (asRoot) process.seteuid?.(0);
      await chmod(folder, 0o755);
    }
  });

  test("a file stands in its place", async () => {
    await mkdir(join(folder, ".."), { recursive: true });
    await writeFile(folder, "");
    await expect(store.create(origin)).rejects.toMatchObject({ message: expect.stringContaining(folder) });
  });

  test.runIf(asRoot)("full: the checkpoint is not there, what was there stays whole", async () => {
    await mkdir(folder, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", folder]);
    try {
      const earlier = await made();
      const draft = await store.create(origin);
      await expect(draft.artifacts("db").write("dump", "x".repeat(500_000))).rejects.toMatchObject({
        code: "STATE_FULL",
        hint: expect.stringContaining("df -h"),
      });
      await draft.abandon();
      expect(await readdir(root())).toEqual([earlier.id]);
      expect(await store.verify(earlier.id)).toEqual([]);
    } finally {
      execFileSync("umount", [folder]);
    }
  });
});
