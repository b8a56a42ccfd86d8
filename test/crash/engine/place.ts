import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Services } from "../../../src/app/services.js";
import { defineCheck, defineTarget } from "../../../src/core/driver.js";
import type { Json } from "../../../src/core/json.js";
import type { Plan, PlannedTarget } from "../../../src/core/plan/plan.js";
import type { Playbook } from "../../../src/core/playbook/playbook.js";
import { type Engine, openEngine } from "../../../src/dbos/open-engine.js";
import { httpClient } from "../../../src/platform/http-client.js";
import { httpServer } from "../../../src/platform/http-server.js";
import { localHost } from "../../../src/platform/local-host.js";
import { localOrphans } from "../../../src/platform/orphans.js";
import { localProcesses } from "../../../src/platform/process-identity.js";
import { systemClock as clock } from "../../../src/platform/system-clock.js";
import { timeIds } from "../../../src/platform/time-ids.js";
import { checkpointStore } from "../../../src/storage/checkpoint-store.js";
import { openJournal } from "../../../src/storage/journal.js";
import { problemReports } from "../../../src/storage/problem-reports.js";
import { scratchFolders } from "../../../src/storage/scratch-folder.js";
import { signalMemory } from "../../../src/storage/signal-memory.js";
import { planOf, step } from "../../support/made-runs.js";

/** Where one system is rolled back: its folder and, with the scaled-out engine, the database of that. */
export interface Place {
  readonly system: string;
  readonly folder: string;
  readonly url?: string;
  /** Steps take their times the other way round: what was first to end is last. */
  readonly reversed?: boolean;
}

const environment = "live";
const awaits = { awaits: ["fence"] as const };

/** Parallel parts, a barrier, retries, an optional step, a check. `ms`: how long the effect takes. */
const steps = [
  step("fence.close", { phase: "fence", input: { ms: 3 } }),
  step("db.stage", { ...awaits, input: { ms: 20 } }),
  step("app.stop", { ...awaits, phase: "quiesce", needs: ["db.stage"], input: { ms: 3 } }),
  step("db.swap", { ...awaits, needs: ["db.stage", "app.stop"], input: { ms: 3 } }),
  step("files.copy", { ...awaits, retries: 2, input: { ms: 5 } }),
  step("files.link", { ...awaits, needs: ["files.copy"], input: { ms: 10 } }),
  step("cache.clear", { ...awaits, onFailure: "continue", input: { ms: 15 } }),
  step("env.write", { ...awaits, input: { ms: 10 } }),
  step("app.start", {
    ...awaits,
    phase: "resume",
    needs: ["db.swap", "env.write", "files.link"],
    input: { ms: 3 },
  }),
  step("front.start", { ...awaits, phase: "resume", needs: ["app.start"], input: { ms: 3 } }),
  step("health", {
    kind: "check",
    phase: "check",
    awaits: ["quiesce", "restore", "resume"],
    onFailure: "continue",
  }),
  step("fence.open", { phase: "unfence", awaits: ["check"], input: { ms: 3 } }),
];

const target: PlannedTarget = {
  driver: "test",
  with: {},
  uses: [],
  restore: true,
  keep: [],
  from: { identity: "new", summary: "new" },
  to: { identity: "old", summary: "old" },
};

/** `slow`: so long every effect takes, for whoever wants to come in between. */
export function testPlan({ system }: Place, slow?: number): Plan {
  const timed = steps.map((one) => (slow === undefined ? one : { ...one, input: { ms: slow } }));
  return planOf(timed, {
    system,
    environment,
    targets: Object.fromEntries(
      steps.filter(({ kind }) => kind === "apply").map(({ subject }) => [subject, target]),
    ),
    checks: { health: { driver: "test", with: {}, within: 1_000, stable: 0 } },
  });
}

export const effectsOf = ({ folder }: Place): string[] => {
  try {
    return readFileSync(join(folder, "effects"), "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};

function testDriver(place: Place) {
  const nothing = async () => ({ identity: "new", summary: "new", data: null });
  return defineTarget<Record<string, never>, Json, Json>({
    id: "test",
    title: "Writes each effect into a file",
    options: z.strictObject({}),
    observe: nothing,
    plan: () => [],
    async apply({ input, operation }, { name, signal, host }) {
      const ms = Number(input["ms"]);
      await clock.sleep(place.reversed ? Math.max(0, 25 - ms) : ms, signal);
      // Through the context, which refuses it to whoever has lost the run; appending itself is nothing it offers.
      await host.files.makeDirectory(join(place.folder, "touched"));
      appendFileSync(join(place.folder, "effects"), `${name}.${operation}\n`);
      await clock.sleep(3);
      return { summary: "done", changed: true };
    },
    async settle({ operation }, { name }) {
      const happened = effectsOf(place).includes(`${name}.${operation}`);
      return { state: happened ? "applied" : "not-applied", summary: happened ? "it is there" : "it is not" };
    },
  });
}

const testCheck = defineCheck<Record<string, never>>({
  id: "test",
  title: "Passes",
  options: z.strictObject({}),
  run: async () => [{ name: "health", result: "passed" }],
});

export interface OpenPlace extends Services {
  readonly engine?: Engine;
  close(): Promise<void>;
}

const owner = () => localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: "here" };

/** Everything real but the driver; no playbook file. */
export async function openPlace(place: Place, patienceMs = 30_000): Promise<OpenPlace> {
  const { system, folder, url } = place;
  const ids = timeIds(clock);
  const driver = testDriver(place);
  const unknown = () => Promise.reject(new Error("there is no such driver"));
  const playbook: Playbook = {
    system,
    environment,
    environments: [environment],
    state: folder,
    objectives: {},
    proofs: { expire: 1 },
    retention: { keep: 1 },
    targets: {},
    changes: {},
    scenarios: {},
    checks: {},
    signals: {},
    triggers: {},
    decisions: [],
    watch: { cooldown: 0, mute: 0 },
  };
  const engine =
    url === undefined ? undefined : await openEngine({ url, owner: owner(), patienceMs, connections: 4 });
  const journal = engine?.journal ?? (await openJournal(folder));
  return {
    playbook,
    journal,
    ...(engine && { engine, queue: engine.queue }),
    drivers: { target: async () => driver, check: async () => testCheck, signal: unknown },
    checkpoints: checkpointStore({ folder, clock, ids, processes: localProcesses }),
    host: localHost({ baseDir: folder, redact: (text) => text }),
    http: httpClient(),
    clock,
    ids,
    processes: localProcesses,
    orphans: localOrphans,
    reports: problemReports(folder),
    memory: (signal) => signalMemory(folder, playbook.environment, signal),
    server: httpServer,
    actor: "ann@here",
    owner: owner(),
    redact: (text) => text,
    resolve: async (value) => value,
    scratch: scratchFolders({ state: folder, clock, processes: localProcesses }),
    close: () => engine?.close() ?? journal.close(),
  };
}
