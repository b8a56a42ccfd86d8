import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { playbookOf } from "../../test/support/plan-requests.js";
import type { Playbook } from "../core/playbook/playbook.js";
import { compileTriggers } from "../core/signal/compile-triggers.js";
import { localProcesses } from "../platform/process-identity.js";
import { systemClock as clock } from "../platform/system-clock.js";
import { timeIds } from "../platform/time-ids.js";
import { checkpointStore } from "../storage/checkpoint-store.js";
import { knownBaselines } from "./baselines.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "backout-baselines-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Compares `p95`, asked with this query. */
const comparing = (query: string): Playbook => ({
  ...playbookOf({}),
  signals: { p95: { driver: "prometheus", with: { query }, every: 1_000, timeout: 1_000 } },
  triggers: {
    slow: { when: "p95 > 3.0 * baseline(p95)", level: "RED", for: 0, no_data: "hold" },
  },
});

/** The baseline in a checkpoint that was taken with one query, for whoever asks with another. */
async function baselineWith(taken: string, asked: string, digests = true) {
  const store = checkpointStore({ folder, clock, ids: timeIds(clock), processes: localProcesses });
  const { system, environment } = comparing(taken);
  const draft = await store.create({ system, environment, by: "test" });
  draft.setBaselines({ p95: 0.2 }, digests ? compileTriggers(comparing(taken)).measures : {});
  await draft.commit();
  return knownBaselines({ checkpoints: store, playbook: comparing(asked) }, undefined);
}

test("L08 a baseline counts for the signal that it was read from", async () => {
  expect(await baselineWith("latency", "latency")).toEqual({ p95: 0.2 });
});

test("L08 of a signal that is asked otherwise by now there is none", async () => {
  expect(await baselineWith("latency", "latency * 1000")).toEqual({});
});

test("a checkpoint of an earlier backout, which does not say what was measured, is taken at its word", async () => {
  expect(await baselineWith("latency", "latency * 1000", false)).toEqual({ p95: 0.2 });
});
