import { resourceUsage } from "node:process";
import type { TriggerDefinitions } from "../../src/core/signal/compile-triggers.js";
import type { Sample } from "../../src/core/signal/sample.js";
import { type TriggerJudge, triggerJudge } from "../../src/core/signal/trigger-judge.js";
import { compareWithPromtool, generatedCases } from "../../test/support/promtool.js";
import { type Figure, figure } from "../figure.js";
import { inOwnProcess, ownPart } from "../own-process.js";
import { inTurn } from "../timed.js";

interface Load {
  /** Processor time a second, per cent of one core. */
  readonly percent: number[];
  readonly megabytes: number;
}

const sizes = [1_000, 10_000, 50_000] as const;
const seconds = 20;
const triggersOfSignal = 5;

/** Every signal read once a second and every trigger judged on it; recorded samples replayed; Prometheus' word on `for`. */
export async function judging(): Promise<Figure[]> {
  const part = ownPart();
  if (part !== undefined) {
    process.stdout.write(JSON.stringify(load(Number(part))));
    return [];
  }
  const loads = sizes.map((count) => [count, inOwnProcess<Load>("triggers", String(count))] as const);
  const [small, middle, large] = loads.map(([count, { percent }]) => [count, median(percent)] as const);
  const each = (one: readonly [number, number] | undefined): number => (one?.[1] ?? 0) / (one?.[0] ?? 1);
  const agreement = await compareWithPromtool(generatedCases(600, 20_261_122));
  return [
    ...loads.flatMap(([count, { percent, megabytes }]) => {
      const against = `${count / triggersOfSignal} signals, each read once a second`;
      const bound = count === 10_000;
      return [
        figure({
          area: "triggers",
          figure: `${count} triggers, one core`,
          unit: "%",
          values: percent,
          ...(bound ? { most: 25 } : {}),
          against,
        }),
        figure({
          area: "triggers",
          figure: `${count} triggers, peak memory`,
          unit: "MB",
          values: [megabytes],
          ...(bound ? { most: 200 } : {}),
          against,
        }),
      ];
    }),
    figure({
      area: "triggers",
      figure: "a trigger of 50,000 to one of 1,000",
      unit: "times",
      values: [each(large) / each(small)],
      // A larger set misses the processor's caches more often; a cost that grows with the square would give 50.
      most: 2,
      against: `10,000 to 1,000: ${(each(middle) / each(small)).toPrecision(3)} times`,
    }),
    await replaying(),
    figure({
      area: "triggers",
      figure: "disagreement with promtool",
      unit: "%",
      values: [100 * (1 - agreement.agreeing / agreement.cases)],
      most: 0,
      against: `${agreement.cases} generated series, 100 evaluations each`,
    }),
  ];
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Most compare the last reading, one in ten an average over a minute. */
function definitions(count: number, every: number, perSignal = triggersOfSignal): TriggerDefinitions {
  const signals = Object.fromEntries(
    Array.from({ length: count / perSignal }, (_, index) => [
      `s${index}`,
      { driver: "prometheus", with: {}, every, timeout: every },
    ]),
  );
  const triggers = Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const signal = `s${index % (count / perSignal)}`;
      const when =
        index % 10 === 0 ? `avg(${signal}, "1m") > 0.6` : `${signal} > ${0.5 + (index % 50) / 100}`;
      return [`t${index}`, { when, for: 10_000, level: "RED" as const, no_data: "hold" as const }];
    }),
  );
  return { signals, triggers };
}

/** A second's readings at the times at which they would come, judged ten times a second as a watch does. */
function load(count: number): Load {
  const all = definitions(count, 1_000);
  const names = Object.keys(all.signals);
  const judge = triggerJudge(all);
  judge.judge([], { now: 0 });
  const second = (number: number): number => {
    const before = process.cpuUsage();
    for (let tenth = 0; tenth < 10; tenth++) judgeTenth(judge, names, number * 1_000 + tenth * 100);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 10_000;
  };
  for (let warm = 0; warm < 5; warm++) second(warm);
  const percent = Array.from({ length: seconds }, (_, number) => second(number + 5));
  return { percent, megabytes: resourceUsage().maxRSS / 1_024 };
}

function judgeTenth(judge: TriggerJudge, names: readonly string[], at: number): void {
  const tenth = (at / 100) % 10;
  const samples = names.flatMap((signal, index): Sample[] =>
    index % 10 === tenth ? [{ signal, at: at + (index % 100), value: noise(index + at) }] : [],
  );
  judge.judge(samples, { now: at + 100 });
  judge.statuses();
}

/** Between 0 and 1, without rhythm. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
};

async function replaying(): Promise<Figure> {
  const signals = 100;
  const step = 15_000;
  const day = 86_400_000;
  const all = definitions(signals * 2, step, 2);
  const names = Object.keys(all.signals);
  const samples = Array.from({ length: day / step }, (_, index) =>
    names.map((signal, number) => ({ signal, at: index * step, value: noise(index * signals + number) })),
  ).flat();
  const times = await inTurn(3, () => {
    const started = performance.now();
    triggerJudge(all).judge(samples, { now: day });
    return performance.now() - started;
  });
  return figure({
    area: "triggers",
    figure: "24 h replayed",
    unit: "ms",
    values: times,
    most: 5_000,
    against: `${signals} signals every 15 s (${samples.length} samples), ${signals * 2} triggers`,
  });
}
