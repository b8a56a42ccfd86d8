import { RE2JS } from "re2js";
import * as z from "zod";
import { duration } from "../../core/playbook/duration.js";

export interface Matching {
  readonly path: string;
  readonly pattern: string;
  readonly except?: string | undefined;
}

export interface SignalOptions extends Matching {
  readonly value: "rate" | "count";
  readonly time: "arrival" | "line";
  /** Milliseconds. */
  readonly over: number;
}

export interface CheckOptions extends Matching {
  /** Milliseconds. */
  readonly over: number;
  readonly atMost: number;
  readonly silent: "error" | "pass";
}

/** RE2: takes time in proportion to the line, whatever the pattern, so that none can hang the watch. */
const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      RE2JS.compile(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      context.addIssue({
        code: "custom",
        message: `${JSON.stringify(text)} is no pattern for RE2: ${reason}; it has no look-around and no back references`,
      });
    }
  });

const matchingShape = {
  path: z.string().min(1).describe("The log file"),
  pattern: pattern.describe("RE2 pattern: lines in which it is found count; `(?i)` before it ignores case"),
  except: pattern.optional().describe("Lines in which this is found do not count"),
};

const over = duration.refine((ms) => ms >= 1_000, "less than 1s says nothing about a log");

export const signalOptions: z.ZodType<SignalOptions> = z.strictObject({
  ...matchingShape,
  value: z.enum(["rate", "count"]).default("rate").describe("Lines per minute, or their number"),
  over: over.default(60_000).describe("Within the last so long"),
  time: z
    .enum(["arrival", "line"])
    .default("arrival")
    .describe(
      "A line's time: when backout first saw it, or what stands in it (ISO 8601, access log, JSON epoch)",
    ),
});

export const checkOptions: z.ZodType<CheckOptions> = z.strictObject({
  ...matchingShape,
  over: over.default(300_000).describe("Within the last so long, by the times that stand in the lines"),
  atMost: z.int().min(0).default(0).describe("So many lines are accepted"),
  silent: z
    .enum(["error", "pass"])
    .default("error")
    .describe("What it means that nothing at all was written in that time; `pass` where only errors are"),
});

/** Whether a line counts. */
export function matcher({ pattern: wanted, except }: Matching): (line: string) => boolean {
  const include = RE2JS.compile(wanted);
  const exclude = except === undefined ? undefined : RE2JS.compile(except);
  return (line) => include.test(line) && !(exclude?.test(line) ?? false);
}
