import { expect, test } from "vitest";
import type { Data } from "./capture.js";
import { compareContents } from "./compare-tables.js";
import type { Seen } from "./observe.js";
import { options } from "./options.js";
import { plan } from "./plan.js";

const identity = `sha256:${"0123456789abcdef".repeat(4)}`;
const data: Data = {
  content: { identity, schema: "sha256:1", tables: { orders: { rows: 2, digest: "sha256:2" } } },
  brokenReferences: [],
  bytes: 50_000_000,
  journalMode: "wal",
  resting: null,
  owner: { mode: 0o640, uid: 1, gid: 1 },
};
const loss = { what: "orders", inserted: 3, updated: 1, deleted: 0, basis: "every row compared" };
const restore = { restore: true, quiesce: false, restart: false, keep: [] as string[] };

function planWith(more: {
  intent?: Partial<typeof restore>;
  seen?: Partial<Seen>;
  identity?: string;
  restoreMs?: number;
}) {
  return plan({
    captured: { identity, summary: "1 table, 2 rows", data, artifacts: [], at: 0 },
    restoreMs: more.restoreMs,
    observed: {
      identity: more.identity ?? "sha256:9",
      summary: "1 table, 5 rows",
      data: { state: "readable", rows: 5, changes: [], losses: [loss], ...more.seen },
    },
    options: options.parse({ file: "data/app.db" }),
    intent: { ...restore, ...more.intent },
  });
}

test("staged while the system serves, swapped in alone, with the counted loss on the swap", () => {
  const [stage, swap, ...more] = planWith({});
  expect(more).toEqual([]);
  expect(stage).toMatchObject({ operation: "stage", phase: "restore", expectedMs: 1500 });
  expect([stage?.exclusive, stage?.impact]).toEqual([undefined, undefined]);
  expect(swap).toMatchObject({
    operation: "swap",
    phase: "restore",
    needs: ["stage"],
    exclusive: true,
    input: { artifact: "database.sqlite", suffix: ".backout-0123456789ab" },
    impact: { loses: [loss], interrupts: true },
  });
});

test("the measured duration of a proof is the estimate", () => {
  expect(planWith({ restoreMs: 42 })[0]?.expectedMs).toBe(42);
});

test("a dropped column is shown in the direction of the rollback", () => {
  const changes = [{ what: "column orders.note", before: "exists", after: "was dropped" }];
  expect(planWith({ seen: { changes } })[1]?.impact?.changes).toContainEqual({
    what: "column orders.note",
    before: "was dropped",
    after: "exists",
  });
});

test("what is lost of a damaged file is said not to be countable, never left out", () => {
  expect(planWith({ seen: { state: "damaged", losses: [] } })[1]?.impact?.loses).toEqual([
    { what: "data/app.db", basis: expect.stringContaining("not countable") as string },
  ]);
});

test.each([
  { name: "the same content", more: { identity } },
  { name: "restoring is not wanted", more: { intent: { restore: false } } },
])("nothing to do: $name", ({ more }) => {
  expect(planWith(more)).toEqual([]);
});

test("H74 keep is refused, since the file comes back as a whole", () => {
  expect(() => planWith({ intent: { keep: ["orders"] } })).toThrow(/data\/app\.db: cannot keep "orders"/);
});

test("without the copy at hand, tables are compared by number and digest, and the basis says so", () => {
  const then = { a: { rows: 2, digest: "1" }, b: { rows: 9, digest: "2" }, same: { rows: 1, digest: "3" } };
  const now = { a: { rows: 5, digest: "4" }, c: { rows: 1, digest: "5" }, same: { rows: 1, digest: "3" } };
  const { losses, changes } = compareContents(then, now);
  expect(losses).toMatchObject([
    { what: "a", inserted: 3, deleted: 0, basis: expect.stringContaining("not at hand") as string },
    { what: "c", inserted: 1 },
  ]);
  expect(changes.map((change) => [change.what, change.after])).toEqual([
    ["table b", "was dropped"],
    ["table c", "exists"],
  ]);
});
