import { expect, test } from "vitest";
import type { Data } from "./capture.js";
import type { Links, Seen } from "./observe.js";
import { options } from "./options.js";
import { plan } from "./plan.js";

const digest = "sha256:0001";
const data: Data = { release: "v2.9.0", target: "releases/v2.9.0", digest, releases: ["v2.9.0", "v2.10.0"] };
const restore = { restore: true, quiesce: false, restart: false, keep: [] as string[] };

function planWith(more: { intent?: Partial<typeof restore>; seen?: Partial<Seen>; identity?: string }) {
  return plan({
    captured: { identity: digest, summary: "v2.9.0", data, artifacts: [], at: 0 },
    restoreMs: 40,
    observed: {
      identity: more.identity ?? "sha256:0002",
      summary: "v2.10.0",
      data: {
        release: "v2.10.0",
        target: "releases/v2.10.0",
        releases: ["v2.9.0", "v2.10.0"],
        capturedDigest: digest,
        links: { current: {}, captured: {} },
        ...more.seen,
      },
    },
    options: options.parse({ releases: "releases", current: "current" }),
    intent: { ...restore, ...more.intent },
  });
}

test("one switch, without interruption, from what was observed to what was captured", () => {
  expect(planWith({})).toEqual([
    {
      operation: "switch",
      title: "switch current to v2.9.0",
      phase: "restore",
      input: { from: "releases/v2.10.0", to: "releases/v2.9.0", release: "v2.9.0", digest },
      impact: { changes: [{ what: "current", before: "releases/v2.10.0", after: "releases/v2.9.0" }] },
      expectedMs: 1000,
    },
  ]);
});

test.each([
  { name: "the same content is in use", more: { identity: digest } },
  { name: "restoring is not wanted", more: { intent: { restore: false } } },
])("nothing to do: $name", ({ more }) => {
  expect(planWith(more)).toEqual([]);
});

test.each([
  {
    name: "gone",
    seen: { capturedDigest: null },
    says: /"v2\.9\.0" is no longer on disk; present are: v2\.9\.0, v2\.10\.0/,
  },
  {
    name: "altered",
    seen: { capturedDigest: "sha256:9999" },
    says: /was altered since the checkpoint: digest "sha256:9999"/,
  },
])("H34 refused: the captured release is $name", ({ seen, says }) => {
  expect(() => planWith({ seen })).toThrow(says);
});

const links = (current: Links, captured: Links): Partial<Seen> => ({ links: { current, captured } });
const shared = { uploads: "/srv/shared/uploads" };

test.each([
  { name: "the link itself", keep: "uploads", seen: links(shared, shared) },
  { name: "a path below the link", keep: "./uploads/2026/", seen: links(shared, shared) },
])("H34 keep: $name survives in shared storage", ({ keep, seen }) => {
  expect(planWith({ intent: { keep: [keep] }, seen })).toHaveLength(1);
});

test.each([
  { name: "inside the failed release", seen: {}, says: /keep "uploads": lies inside release "v2\.10\.0"/ },
  {
    name: "shared by the failed release only",
    seen: links(shared, {}),
    says: /release "v2\.9\.0" does not lead to/,
  },
  {
    name: "in two places",
    seen: links(shared, { uploads: "/srv/old" }),
    says: /does not lead to "\/srv\/shared/,
  },
])("H34 keep is refused for what is $name", ({ seen, says }) => {
  expect(() => planWith({ intent: { keep: ["uploads"] }, seen })).toThrow(says);
});
