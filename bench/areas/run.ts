import { spawnSync } from "node:child_process";
import { type Figure, figure } from "../figure.js";
import { chained, madePlan } from "../made-plan.js";
import { ownPart } from "../own-process.js";
import { ended, inFolder, runPlan } from "../run-plan.js";
import { inTurn } from "../timed.js";
import { besideScript } from "./run-beside-script.js";
import { longRuns, measurePart } from "./run-long.js";

const steps = 1_000;

export async function running(): Promise<Figure[]> {
  const part = ownPart();
  if (part !== undefined) {
    console.log(JSON.stringify(await measurePart(part)));
    return [];
  }
  return [...(await overhead()), ...(await longRuns()), ...(await besideScript())];
}

/** Steps that do nothing, one after another, journaled on disk: what is left is the engine's own cost. */
async function overhead(): Promise<Figure[]> {
  const rounds = await inTurn(5, async () => ({ run: await runOnce(), shell: shellOnce() }));
  const perStep = rounds.map(({ run }) => run / steps);
  const shell = rounds.map(({ shell: ms }) => ms / steps);
  const ratio = rounds.map(({ run, shell: ms }) => run / ms);
  return [
    figure({
      area: "run",
      figure: "overhead per step",
      unit: "ms",
      values: perStep,
      most: 1,
      against: `${steps} steps in a chain, each fact on disk`,
    }),
    figure({
      area: "run",
      figure: "sh -c true",
      unit: "ms",
      values: shell,
      against: `${steps} calls, one after another`,
    }),
    figure({
      area: "run",
      figure: "step against sh -c true",
      unit: "times",
      values: ratio,
      most: 1,
      against: "the same rounds",
    }),
  ];
}

const runOnce = (): Promise<number> =>
  inFolder(async (folder) => {
    const plan = madePlan(chained(steps));
    const started = performance.now();
    ended(await runPlan(folder, plan));
    return performance.now() - started;
  });

function shellOnce(): number {
  const started = performance.now();
  for (let index = 0; index < steps; index++) spawnSync("sh", ["-c", "true"]);
  return performance.now() - started;
}
