import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { signal } from "../../src/drivers/reports/index.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { problemReports } from "../../src/storage/problem-reports.js";

async function reported(): Promise<ReadingFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-reports-"));
  const kept = problemReports(join(folder, ".backout"));
  const add = (id: string, issue: string, environment = "default") =>
    kept.add({ id, at: Date.now(), by: "ana@desk", environment, kind: "user", issue });
  await Promise.all([
    add("pr-1", "checkout fails"),
    add("pr-2", "Checkout fails"),
    add("pr-3", "blurred logo"),
    add("pr-4", "checkout fails", "staging"),
    add("pr-5", "checkout fails"),
  ]);
  await kept.withdraw("pr-5", { at: Date.now(), by: "ana@desk" });
  const options = { kind: "user", count: "same-issue" };
  return { folder, options, cleanUp: () => rm(folder, { recursive: true, force: true }) };
}

describeSignal<ReadingFixture>(signal, {
  driver: "reports",
  setUp: reported,
  expect: ({ value, unit, asked }) => {
    expect(value).toBe(2);
    expect(unit).toBe("reports");
    expect(asked).toMatch(/reports of "checkout fails"/i);
  },
  faults: [
    {
      name: "a report that cannot be read",
      arrange: async ({ folder }) => {
        const path = join(folder, ".backout", "reports", "pr-torn.json");
        await writeFile(path, "{");
        return () => rm(path);
      },
      code: "STATE_CORRUPT",
      says: /pr-torn\.json: is not a report/,
    },
  ],
});
