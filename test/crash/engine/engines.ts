import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { FoundRun } from "../../../src/app/find-run.js";
import { lastRun } from "../../../src/app/find-run.js";
import { followRun, rollBack } from "../../../src/app/roll-back.js";
import type { Fact } from "../../../src/core/run/fact.js";
import { effectsOf, openPlace, type Place, testPlan } from "./place.js";
import { startWorker, type Worker } from "./start-worker.js";
import type { Work } from "./worker.js";

export type How = Pick<Work, "at" | "slow" | "takeOver"> & {
  readonly reversed?: boolean;
  readonly build?: string;
};

/** What the conformance suite needs of an engine: how a run gets a process, and another one. */
export interface EngineUnderTest {
  readonly name: string;
  place(name: string): Promise<Place>;
  /** A new run, and the process that executes it. */
  begin(place: Place, how?: How): Promise<Worker>;
  /** Another process that goes on with it. */
  goOn(place: Place, how?: How): Promise<Worker>;
  /** Until nobody is at work on the run any more. */
  toItsEnd(place: Place, worker: Worker): Promise<void>;
  /** A process that asks, cancels. */
  client(place: Place, work: Omit<Work, "place">): Worker;
}

interface Home {
  readonly base: string;
  /** URL of the engine's database. */
  readonly url: string;
}

const programOf = ({ base }: Home, { build = "first" }: How): string => join(base, `${build}.mjs`);
const placed = (place: Place, { reversed }: How): Place => ({ ...place, ...(reversed && { reversed }) });

function folderOf({ base }: Home, name: string): Pick<Place, "system" | "folder"> {
  const system = `s-${name.replace(/[^a-z0-9]+/g, "-")}-${Math.random().toString(36).slice(2, 8)}`;
  const folder = join(base, system);
  mkdirSync(folder);
  return { system, folder };
}

/** The process that types the command executes the run. */
export function embedded(home: Home): EngineUnderTest {
  const go = (place: Place, how: How = {}): Worker =>
    startWorker(programOf(home, how), { ...how, do: "go", place: placed(place, how) });
  return {
    name: "embedded",
    place: async (name) => folderOf(home, name),
    begin: async (place, how) => go(place, how),
    goOn: async (place, how) => go(place, { ...how, takeOver: true }),
    toItsEnd: async (_, worker) => void (await worker.said("run")),
    client: (place, work) => startWorker(programOf(home, {}), { ...work, place }),
  };
}

/** Controllers execute the runs; whoever asks only follows. */
export function overDbos(home: Home): EngineUnderTest {
  const control = async (place: Place, how: How = {}): Promise<Worker> => {
    const worker = startWorker(programOf(home, how), { ...how, do: "control", place: placed(place, how) });
    await worker.said("type", "ready");
    return worker;
  };
  return {
    name: "dbos",
    place: async (name) => ({ ...folderOf(home, name), url: home.url }),
    async begin(place, how) {
      const worker = await control(place, how);
      await submit(place, how?.slow);
      return worker;
    },
    goOn: control,
    async toItsEnd(place, worker) {
      const services = await openPlace(place);
      const last = await lastRun(services);
      await followRun(services, last?.run.id ?? "", {});
      await services.close();
      worker.process.kill("SIGTERM");
      await worker.ended;
    },
    client: (place, work) => startWorker(programOf(home, {}), { ...work, place }),
  };
}

/** Queues a run, and does not wait for it. */
export async function submit(place: Place, slow?: number): Promise<string> {
  const services = await openPlace(place);
  const stop = new AbortController();
  const request = { reason: "test", interrupt: stop.signal, onRun: () => stop.abort() };
  const { run } = await rollBack(services, testPlan(place, slow), request);
  await services.close();
  return run.id;
}

export interface Ended {
  readonly found: FoundRun;
  readonly facts: readonly Fact[];
  readonly effects: readonly string[];
  /** Where the chain of facts is broken. */
  readonly broken: number | undefined;
}

export async function look(place: Place): Promise<Ended> {
  const services = await openPlace(place);
  const found = (await lastRun(services)) as FoundRun;
  const facts = await services.journal.facts(found.run.id);
  const broken = await services.journal.brokenAt(found.run.id);
  await services.close();
  return { found, facts, broken, effects: effectsOf(place) };
}
