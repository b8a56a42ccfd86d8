import { expect, test } from "vitest";
import type { CapturedPart } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { GitData } from "./capture.js";
import { withoutCredentials } from "./git.js";
import type { GitSeen, SinceCapture } from "./observe.js";
import { keeps, plan } from "./plan.js";

const since: SinceCapture = {
  newer: 2,
  merges: 1,
  older: 0,
  subjects: ["b2 Bad release"],
  paths: ["src/app.js"],
  files: 1,
  inTheWay: { files: [], folders: [] },
};
const seen: GitSeen = {
  commit: "b".repeat(40),
  branch: "main",
  tree: "2".repeat(40),
  modified: 0,
  untracked: 0,
  operation: null,
  onRef: true,
  since,
};
const captured: CapturedPart<GitData> = {
  identity: `commit:${"a".repeat(40)}`,
  summary: "main at aaaaaaaaaa",
  at: 0,
  artifacts: [],
  data: {
    commit: "a".repeat(40),
    subject: "Release",
    branch: "main",
    tag: "backout/x",
    tree: "1".repeat(40),
    headTree: "1".repeat(40),
  },
};

const planned = (data: Partial<GitSeen>, more: { keep?: string[]; part?: Partial<GitData> } = {}) =>
  plan({
    captured: { ...captured, data: { ...captured.data, ...more.part } },
    restoreMs: 40,
    observed: { identity: "commit:b", summary: "main at bbbbbbbbbb", data: { ...seen, ...data } },
    options: { path: "app", tagPrefix: "backout/" },
    intent: { restore: true, quiesce: false, restart: false, keep: more.keep ?? [] },
  });

test.each([
  ["committed work alone", {}, ["restore"]],
  ["M11 uncommitted work", { modified: 1 }, ["preserve", "restore"]],
  ["H20 untracked files", { untracked: 1 }, ["preserve", "restore"]],
  ["commits on no branch", { onRef: false }, ["preserve", "restore"]],
  ["an unfinished merge", { operation: "merge" }, ["preserve", "restore"]],
  [
    "an ignored file in the way",
    { since: { ...since, inTheWay: { files: ["config.json"], folders: [] } } },
    ["preserve", "restore"],
  ],
])("%s: what would be lost is set aside first", (_, data, operations) => {
  const steps = planned(data);
  expect(steps.map(({ operation }) => operation)).toEqual(operations);
  expect(steps.at(-1)?.needs ?? []).toEqual(operations.slice(0, -1));
  expect(steps.every(({ onFailure }) => onFailure === undefined)).toBe(true);
});

test.each([
  ["a rebase", { operation: "rebase" }, {}, /in the middle of a rebase/],
  ["a commit that is gone", { since: null }, {}, /is not in the repository/],
  [
    "a folder in the way",
    { since: { ...since, inTheWay: { files: [], folders: ["data"] } } },
    {},
    /the folder "data" with ignored files/,
  ],
  [
    "missing uncommitted work",
    {},
    { part: { tree: "3".repeat(40) } },
    /uncommitted work of the checkpoint is missing/,
  ],
  ["a kept path outside", {}, { keep: ["/etc"] }, /"\/etc" is no path inside/],
])("%s is refused, with no effect", (_, data, more, message) => {
  let caught: unknown;
  try {
    planned(data, more);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(BackoutError);
  expect(caught).toMatchObject({ code: "REFUSED", effect: "none", message: expect.stringMatching(message) });
});

test.each([
  ["src", "src/app.js", true],
  ["src/", "src/app.js", true],
  ["src/app.js", "src/app.js", true],
  ["src", "src2/app.js", false],
])("M15 keeping %s covers %s: %s", (kept, path, yes) => expect(keeps([kept], path)).toBe(yes));

test("credentials are taken out of addresses", () => {
  expect(withoutCredentials("unable to access 'https://bot:hunter2@host/app.git/'")).toBe(
    "unable to access 'https://***@host/app.git/'",
  );
});
