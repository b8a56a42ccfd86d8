import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan, PlanStep } from "../src/core/plan/plan.js";
import { target as command } from "../src/drivers/command/index.js";
import { type StepPerformer, stepPerformer } from "../src/engine/perform-step.js";
import { httpClient } from "../src/platform/http-client.js";
import { localHost } from "../src/platform/local-host.js";
import { localProcesses } from "../src/platform/process-identity.js";
import { systemClock as clock } from "../src/platform/system-clock.js";
import { scratchFolders } from "../src/storage/scratch-folder.js";
import { type Figure, figure } from "./figure.js";
import { madePlan, madeStep } from "./made-plan.js";

export const steps = 20;
const megabytes = 16;
/** One effect, as short as steps of a rollback are: a small release put in place for good, and a program that starts with it. */
const effect = `dd if=payload of="copy.$1" bs=1M conv=fsync status=none && sleep 0.25\n`;

export const script: readonly [string, ...string[]] = ["sh", "script.sh"];
export const against = `sh script.sh, which calls the same ${steps} programs (${megabytes} MB copied and flushed, sleep 0.25) without a journal`;

/** The same programs: called by an engine through the `command` driver, and by a script one after another. */
export function layRealSteps(folder: string): void {
  writeFileSync(join(folder, "payload"), randomBytes(megabytes * 1024 * 1024));
  writeFileSync(join(folder, "effect.sh"), effect);
  const calls = Array.from({ length: steps }, (_, index) => `sh effect.sh ${index}`);
  writeFileSync(join(folder, "script.sh"), `set -e\n${calls.join("\n")}\n`);
}

/** So many chains, a target each. */
export function realSteps(chains: number, environment = "default"): Plan {
  const name = (index: number): string => `t${index % chains}`;
  const planned = Array.from(
    { length: steps },
    (_, index): PlanStep =>
      madeStep(name(index), `${index}`, {
        driver: "command",
        operation: "restore",
        needs: index < chains ? [] : [`${name(index)}.${index - chains}`],
      }),
  );
  const state = { identity: "", summary: "" };
  const targets = planned.map(({ id }, index) => [
    id,
    {
      ...{ driver: "command", uses: [], restore: true, keep: [], from: state },
      with: { restore: ["sh", "effect.sh", `${index}`] },
    },
  ]);
  const subjects = planned.map((step) => ({ ...step, subject: step.id }));
  return madePlan(subjects, Object.fromEntries(targets) as Plan["targets"], environment);
}

export function realPerformer(folder: string, state: string): StepPerformer {
  const missing = async (): Promise<never> => {
    throw new Error("not needed here");
  };
  const scratch = scratchFolders({ state, clock, processes: localProcesses });
  return stepPerformer({
    host: localHost({ baseDir: folder, redact: (text) => text }),
    http: httpClient(),
    clock,
    redact: (text) => text,
    targetDriver: async () => command,
    checkDriver: missing,
    resolve: async (value) => value,
    async scratch(key) {
      const own = scratch(key);
      return { folder: await own.folder(), done: () => own.done() };
    },
    artifacts: () => ({ file: missing, read: missing }),
  });
}

/** Every effect is there, or the time means nothing; then all are taken away. */
export function copied(folder: string, ms: number): number {
  const copies = readdirSync(folder).filter((name) => name.startsWith("copy."));
  if (copies.length !== steps || !existsSync(join(folder, "payload"))) {
    throw new Error(`${copies.length} of ${steps} effects are there`);
  }
  for (const name of copies) rmSync(join(folder, name));
  return ms;
}

export interface BesideScript {
  readonly script: number;
  readonly chain: number;
  readonly parallel: number;
}

/** What an engine took, in milliseconds, against the script of the same round. */
export function besideScriptFigures(area: string, rounds: readonly BesideScript[]): Figure[] {
  const unit = "times";
  return [
    figure({
      ...{ area, figure: `${steps} real steps, script`, unit: "ms", against: "sh script.sh" },
      values: rounds.map(({ script }) => script),
    }),
    figure({
      ...{ area, figure: `${steps} real steps in a chain`, unit, most: 1.1 },
      values: rounds.map(({ chain, script }) => chain / script),
      against,
    }),
    figure({
      ...{ area, figure: "more than the script, per step", unit: "ms", against },
      values: rounds.map(({ chain, script }) => (chain - script) / steps),
    }),
    figure({
      ...{ area, figure: `${steps} real steps, 5 targets`, unit, most: 0.99 },
      values: rounds.map(({ parallel, script }) => parallel / script),
      against: `${against}; here 5 chains of ${steps / 5}`,
    }),
  ];
}
