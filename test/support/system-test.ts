import { test as base, expect } from "vitest";
import { backout, type Ended, jsonLines, type Started, startBackout } from "./backout-process.js";
import { type SmallSystem, smallSystem } from "./small-system.js";

/** The built program in the small system's folder. */
export interface Program {
  run(...args: string[]): Promise<Ended>;
  /** Fails unless it ends with 0. */
  done(...args: string[]): Promise<Ended>;
  start(...args: string[]): Started;
  /** As `start`, with more in its environment. */
  startWith(environment: Readonly<Record<string, string>>, ...args: string[]): Started;
  /** How many runs the journal has. */
  runs(): Promise<number>;
}

/** A test with a small system of its own, and the program as people use it there. */
export const test = base
  .extend("system", async ({ onTestFinished }): Promise<SmallSystem> => {
    const system = await smallSystem();
    onTestFinished(() => system.remove());
    return system;
  })
  .extend("program", ({ system }): Program => {
    const place = { cwd: system.folder, environment: system.environment };
    const run = (...args: string[]): Promise<Ended> => backout(place, ...args);
    return {
      run,
      async done(...args) {
        const ended = await run(...args);
        expect(ended.status, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`).toBe(0);
        return ended;
      },
      start: (...args) => startBackout(place, ...args),
      startWith: (environment, ...args) =>
        startBackout({ ...place, environment: { ...place.environment, ...environment } }, ...args),
      runs: async () => jsonLines((await run("history", "--json")).stdout).length,
    };
  });

/** Changes the playbook; fails where that changes nothing. */
export function rewrite(system: SmallSystem, from: RegExp | string, to: string): void {
  const before = system.read("backout.yaml");
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  system.write("backout.yaml", after);
}

/** Ends it as a service manager does. */
export async function terminated(started: Started): Promise<Ended> {
  started.process.kill("SIGTERM");
  return started.ended;
}
