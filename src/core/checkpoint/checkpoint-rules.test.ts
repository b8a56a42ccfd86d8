import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentDigest } from "../content-digest.js";
import type { ProofLevel } from "../driver.js";
import { ensureBelongs, type Manifest, manifestText, parseManifest } from "./manifest.js";
import { type ProofRecord, proofStanding } from "./proof-record.js";
import { chooseRetention, type RetentionCandidate } from "./retention.js";

const digest = contentDigest("artifact");
const manifest: Manifest = {
  version: 1,
  id: "cp-1",
  system: "shop",
  environment: "production",
  change: "v42",
  at: 1_000,
  by: "alice@ops",
  parts: {
    db: {
      driver: "sqlite",
      options: { file: "app.db", password: "${env:PW}" },
      captureMs: 12.5,
      identity: "sha256:ab",
      summary: "3 tables",
      data: { tables: ["a", null, 1.5, { "ü ": true }] },
      artifacts: [{ name: "app.db", path: "parts/db/app.db", digest, bytes: 7, encrypted: false }],
      at: 1_001,
    },
  },
  baselines: { errors: 0.01 },
};

describe("manifest", () => {
  test("comes back as it was written", () => {
    const text = manifestText(manifest);
    expect(parseManifest(text, "m")).toEqual({ ...manifest, digest: JSON.parse(text).digest });
  });

  test("H26 is refused wherever it is cut", () => {
    const text = manifestText(manifest);
    fc.assert(
      fc.property(fc.nat(text.length - 3), (length) => {
        expect(() => parseManifest(text.slice(0, length), "m")).toThrow(
          expect.objectContaining({ code: "STATE_CORRUPT", message: expect.stringMatching(/^m: /) }),
        );
      }),
    );
  });

  test("a changed value is refused, whichever it is", () => {
    const leaves = (value: unknown, path: string[] = []): string[][] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, member]) => leaves(member, [...path, key]))
        : [path];
    for (const path of leaves(manifest)) {
      const altered = JSON.parse(manifestText(manifest));
      const last = path.at(-1) ?? "";
      const owner = path.slice(0, -1).reduce((value, key) => value[key], altered.manifest);
      owner[last] = owner[last] === null ? 0 : owner[last] === true ? false : `${owner[last]}0`;
      expect(() => parseManifest(JSON.stringify(altered), "m"), path.join(".")).toThrow(
        expect.objectContaining({ code: "STATE_CORRUPT" }),
      );
    }
  });

  test("of a later version is said to be newer, not corrupt", () => {
    const text = JSON.stringify({ digest, manifest: { version: 2, whatever: true } });
    expect(() => parseManifest(text, "m")).toThrow(expect.objectContaining({ code: "STATE_NEWER" }));
  });

  test.each(["/etc/passwd", "parts/../../x", "parts/db/../x", "x"])("no artifact lies at %s", (path) => {
    const { db } = manifest.parts;
    if (db === undefined) throw new Error("no part");
    const artifacts = db.artifacts.map((artifact) => ({ ...artifact, path }));
    const text = manifestText({ ...manifest, parts: { db: { ...db, artifacts } } });
    expect(() => parseManifest(text, "m")).toThrow(expect.objectContaining({ code: "STATE_CORRUPT" }));
  });

  test.each([
    ["shop", "production", false],
    ["shop", "staging", true],
    ["other", "production", true],
  ])("belongs to %s/%s: refused %s", (system, environment, refused) => {
    const attempt = () => ensureBelongs(manifest, system, environment);
    if (refused) expect(attempt).toThrow(expect.objectContaining({ code: "REFUSED", effect: "none" }));
    else expect(attempt).not.toThrow();
  });
});

const record = (at: number, result: ProofRecord["result"], level: ProofLevel): ProofRecord => ({
  at,
  by: "alice@ops",
  result,
  level,
  checks: [],
});

describe("proof standing", () => {
  const cases: [string, ProofRecord[], { level: ProofLevel; expired: boolean; failed: boolean }][] = [
    ["nothing", [], { level: "captured", expired: false, failed: false }],
    [
      "the best, not the last",
      [record(60, "passed", "restored"), record(90, "passed", "readable")],
      { level: "restored", expired: false, failed: false },
    ],
    ["expired", [record(40, "passed", "restored")], { level: "captured", expired: true, failed: false }],
    [
      "the better one expired",
      [record(40, "passed", "restored"), record(60, "passed", "readable")],
      { level: "readable", expired: false, failed: false },
    ],
    [
      "failed since",
      [record(60, "passed", "restored"), record(70, "failed", "readable")],
      { level: "captured", expired: false, failed: true },
    ],
    [
      "passed since the failure",
      [record(60, "failed", "restored"), record(70, "passed", "restored")],
      { level: "restored", expired: false, failed: false },
    ],
    [
      "could not be measured: says nothing",
      [record(60, "passed", "restored"), record(70, "error", "restored")],
      { level: "restored", expired: false, failed: false },
    ],
  ];
  test.each(cases)("%s", (_, records, expected) => {
    expect(proofStanding(records, { now: 100, expireMs: 50 })).toMatchObject(expected);
  });
});

const candidate = (id: string, more: Partial<RetentionCandidate> = {}): RetentionCandidate => ({
  id,
  system: "shop",
  environment: "production",
  at: Number(id),
  pinned: false,
  proven: {},
  ...more,
});

describe("retention", () => {
  const removed = (
    candidates: RetentionCandidate[],
    policy: { keep: number; forMs?: number },
    inUse: string[] = [],
  ) =>
    chooseRetention(candidates, policy, { now: 100, inUse: new Set(inUse) })
      .filter(({ remove }) => remove)
      .map(({ id }) => id)
      .sort();
  const five = ["1", "2", "3", "4", "5"].map((id) => candidate(id));

  test("keeps the newest", () => expect(removed(five, { keep: 2 })).toEqual(["1", "2", "3"]));
  test("keeps the younger ones besides", () =>
    expect(removed(five, { keep: 1, forMs: 97 })).toEqual(["1", "2"]));
  test("always keeps one", () => expect(removed(five, { keep: 0 })).toEqual(["1", "2", "3", "4"]));
  test("never removes a pinned one", () =>
    expect(removed([candidate("0", { pinned: true }), ...five], { keep: 4 })).toEqual(["1"]));
  test("never removes one that an open run needs", () =>
    expect(removed(five, { keep: 1 }, ["1", "3"])).toEqual(["2", "4"]));
  test("counts each system and environment by itself", () => {
    const others = [candidate("6", { environment: "staging" }), candidate("7", { system: "blog" })];
    expect(removed([...five, ...others], { keep: 2 })).toEqual(["1", "2", "3"]);
  });
  test("H32 never removes the last proven one of a target, at any level", () => {
    const some = [
      candidate("1", { proven: { db: "rehearsed" } }),
      candidate("2", { proven: { db: "restored", cache: "restored" } }),
      candidate("3", { proven: { db: "restored" } }),
      candidate("4", { proven: { db: "captured" } }),
      candidate("5"),
    ];
    expect(removed(some, { keep: 1 })).toEqual(["4"]);
  });

  test("whatever the input: every target keeps a proven one, and what stays says why", () => {
    const level = fc.constantFrom<ProofLevel>("captured", "readable", "restored", "rehearsed");
    const list = fc.uniqueArray(
      fc.record({
        id: fc.nat(50).map(String),
        pinned: fc.boolean(),
        proven: fc.dictionary(fc.constantFrom("db", "cache"), level),
      }),
      { selector: ({ id }) => id },
    );
    fc.assert(
      fc.property(list, fc.nat(4), (rows, keep) => {
        const candidates = rows.map(({ id, ...more }) => candidate(id, more));
        const choices = chooseRetention(candidates, { keep }, { now: 100, inUse: new Set() });
        expect(choices.map(({ id }) => id).sort()).toEqual(candidates.map(({ id }) => id).sort());
        const stays = new Set(choices.filter(({ remove }) => !remove).map(({ id }) => id));
        const provenTargets = (some: RetentionCandidate[]) =>
          new Set(
            some.flatMap(({ proven }) =>
              Object.entries(proven).flatMap(([target, at]) =>
                at === "captured" ? [] : [`${target} ${at}`],
              ),
            ),
          );
        expect(provenTargets(candidates.filter(({ id }) => stays.has(id)))).toEqual(
          provenTargets(candidates),
        );
        expect(choices.every(({ why }) => why.length > 0)).toBe(true);
      }),
    );
  });
});
