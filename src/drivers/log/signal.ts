import { type DriverContext, defineSignal, type Reading } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { checkFile } from "./check-file.js";
import { FollowedFile } from "./follow.js";
import { matcher, type SignalOptions, signalOptions } from "./options.js";
import { recentLines } from "./recent-lines.js";

/** What is remembered from one reading to the next. */
interface Following {
  readonly file: FollowedFile;
  readonly matches: (line: string) => boolean;
  /** Since when it has been followed without a longer break than what is counted. */
  began: number | undefined;
  last: number | undefined;
  /** When lines that count were first seen, and how many. */
  seen: { readonly at: number; readonly count: number }[];
}

/** Whoever reads a signal keeps its options for as long as it does. */
const following = new WeakMap<SignalOptions, Following>();

async function byArrival(options: SignalOptions, context: DriverContext): Promise<number> {
  const known = following.get(options);
  const one: Following = known ?? {
    file: new FollowedFile(options.path),
    matches: matcher(options),
    began: undefined,
    last: undefined,
    seen: [],
  };
  if (known === undefined) following.set(options, one);
  let count = 0;
  const progress = await one.file.read(context, (line) => {
    if (one.matches(line)) count++;
  });
  const now = context.clock.monotonic();
  const broken = one.last !== undefined && now - one.last > options.over;
  if (progress === "began" || one.began === undefined || broken) {
    one.began = now;
    one.seen = [];
  }
  one.last = now;
  // What came in a break cannot be said to have come just now.
  if (!broken) one.seen = [...one.seen, { at: now, count }].filter(({ at }) => at > now - options.over);
  if (now - one.began >= options.over) return one.seen.reduce((sum, { count: some }) => sum + some, 0);
  const seconds = (ms: number): number => Math.round(ms / 1_000);
  const [fact, hint] = broken
    ? [
        `was not read for more than the ${seconds(options.over)} s that are counted`,
        "let `over` be longer than `every`",
      ]
    : [
        `is followed for ${seconds(now - one.began)} s of the ${seconds(options.over)} s that are counted`,
        "`time: line` counts at once, where the lines have times in them",
      ];
  throw new BackoutError("CONFLICT", `${context.name}: could not measure yet, ${options.path} ${fact}`, {
    effect: "none",
    hint,
  });
}

async function byLineTime(options: SignalOptions, context: DriverContext): Promise<number> {
  const { lines } = await recentLines(options.path, context.clock.now() - options.over, context);
  return lines.filter(matcher(options)).length;
}

export const signal = defineSignal<SignalOptions>({
  id: "log",
  title: "How many lines of a log file match a pattern",
  options: signalOptions,
  check: checkFile,
  read: async (options, context): Promise<Reading> => {
    const count = await (options.time === "arrival" ? byArrival : byLineTime)(options, context);
    if (options.value === "count") return { value: count, unit: "lines" };
    return { value: (count * 60_000) / options.over, unit: "lines/min" };
  },
});
