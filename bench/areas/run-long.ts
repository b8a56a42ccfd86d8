import type { StepPerformer } from "../../src/engine/perform-step.js";
import { type Figure, figure } from "../figure.js";
import { chained, madePlan, together } from "../made-plan.js";
import { inOwnProcess, ownFolder } from "../own-process.js";
import { ended, inFolder, nothing, runPlan } from "../run-plan.js";
import { inTurn } from "../timed.js";

const steps = 10_000;
/** With the request, two owners and one start without an end, steps that began and ended: 10,000 facts. */
const doneBefore = 4_999;

const parts = { chained: () => long(chained(steps)), together: () => long(together(steps)), resume: resumed };

interface Long {
  /** Time per step in the last tenth of the run, by that in its first tenth. */
  readonly growth: number;
  readonly perStep: number;
  readonly peakMb: number;
}

/** In a process of its own. */
export async function measurePart(part: string): Promise<unknown> {
  if (!Object.hasOwn(parts, part)) throw new Error(`there is no part "${part}"`);
  return parts[part as keyof typeof parts]();
}

async function long(planned: ReturnType<typeof chained>): Promise<Long> {
  return inFolder(async (folder) => {
    const ends: number[] = [performance.now()];
    const onFact = ({ type }: { type: string }): void => {
      if (type === "step.succeeded") ends.push(performance.now());
    };
    ended(await runPlan(folder, madePlan(planned), { onFact }));
    const between = (from: number, to: number): number => (ends[to] ?? 0) - (ends[from] ?? 0);
    const tenth = steps / 10;
    return {
      growth: between(steps - tenth, steps) / between(0, tenth),
      perStep: between(0, steps) / steps,
      peakMb: process.resourceUsage().maxRSS / 1024,
    };
  });
}

/** From opening the journal to the call of the first step's driver. */
async function resumed(): Promise<number> {
  const started = performance.now();
  let first: number | undefined;
  const stop = new AbortController();
  const performer: StepPerformer = {
    ...nothing,
    perform: async (call) => {
      first ??= performance.now() - started;
      stop.abort();
      return nothing.perform(call);
    },
  };
  await runPlan(ownFolder(), undefined, { performer, interrupt: stop.signal });
  if (first === undefined) throw new Error("no step was started");
  return first;
}

export async function longRuns(): Promise<Figure[]> {
  const chain = await inTurn(3, () => inOwnProcess<Long>("run", "chained"));
  const wide = await inTurn(3, () => inOwnProcess<Long>("run", "together"));
  const against = `${steps} steps, each fact on disk, in a process of its own`;
  const values = (rounds: readonly Long[], key: keyof Long): number[] => rounds.map((one) => one[key]);
  return [
    ...(
      [
        ["in a chain", chain],
        ["all ready", wide],
      ] as const
    ).flatMap(([shape, rounds]) => [
      figure({
        ...{ area: "run", figure: `growth, ${shape}`, unit: "times", most: 1.2 },
        values: values(rounds, "growth"),
        against: `time of the last tenth by that of the first; ${against}`,
      }),
      figure({
        ...{ area: "run", figure: `per step, ${shape}`, unit: "ms", most: 1 },
        values: values(rounds, "perStep"),
        against,
      }),
      figure({
        ...{ area: "run", figure: `peak memory, ${shape}`, unit: "MB", most: 200 },
        values: values(rounds, "peakMb"),
        against,
      }),
    ]),
    await resuming(),
  ];
}

const resuming = (): Promise<Figure> =>
  inFolder(async (folder) => {
    const stop = new AbortController();
    let ends = 0;
    const onFact = ({ type }: { type: string }): void => {
      if (type === "step.succeeded" && ++ends === doneBefore) stop.abort();
    };
    await runPlan(folder, madePlan(chained(steps)), { onFact, interrupt: stop.signal });
    const values = await inTurn(5, () => inOwnProcess<number>("run", "resume", folder));
    return figure({
      ...{ area: "run", figure: "resume to the first step", unit: "ms", most: 300, values },
      against: `a journal of 10,000 facts, a plan of ${steps} steps; from opening it, in a fresh process`,
    });
  });
