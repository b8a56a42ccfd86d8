import * as z from "zod";
import { about } from "../about.js";
import { type DecisionNode, decisionModes, responseClasses } from "./decision-node.js";
import { duration } from "./duration.js";
import { celName, described, driverOptions, name } from "./schema-names.js";

export const levels = ["GREEN", "YELLOW", "RED"] as const;
export type Level = (typeof levels)[number];
/** Worst first. How fast somebody has to do something about each: `responseTimes` in core/signal/severity.ts. */
export const severities = ["SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4"] as const;
export type Severity = (typeof severities)[number];
export const noDataRules = ["hold", "fail", "ignore"] as const;
export type NoData = (typeof noDataRules)[number];

export const signal = z.strictObject({
  ...described,
  driver: name,
  with: driverOptions,
  every: duration.default(5_000).register(...about("Time between two readings")),
  timeout: duration.default(5_000).register(...about("A reading that takes longer is no data")),
  min: z
    .number()
    .optional()
    .register(...about("A value below it cannot be, and is no data")),
  max: z
    .number()
    .optional()
    .register(...about("A value above it cannot be, and is no data")),
  stale: duration
    .optional()
    .register(...about("From this age on a reading says nothing; default: twice `every`, and `timeout`")),
  of: name.optional().register(...about("Target that it measures: a rollback of that target disturbs it")),
});

const times = z.int().min(1).max(1_000);
export const trigger = z.strictObject({
  ...described,
  when: z
    .string()
    .min(1)
    .register(...about('CEL over signal names, and over their past: `avg(errors, "5m") > 0.05`')),
  for: duration.default(0).register(...about("How long the condition must hold without a break")),
  times: times.optional().register(...about("At how many readings in a row it must hold, beside `for`")),
  clear: z
    .strictObject({
      when: z
        .string()
        .min(1)
        .optional()
        .register(...about("CEL; default: the condition no longer holds")),
      for: duration.default(0).register(...about("How long that must hold without a break")),
      times: times.optional().register(...about("At how many readings in a row")),
    })
    .optional()
    .register(
      ...about(
        "When a firing trigger ends; default: at the first moment at which its condition does not hold",
      ),
    ),
  level: z.enum(levels),
  severity: z
    .enum(severities)
    .optional()
    .register(...about("How fast somebody has to respond")),
  no_data: z
    .enum(noDataRules)
    .default("hold")
    .register(...about("What a missing sample means")),
  min_samples: z
    .strictObject({ count: z.int().min(1).max(10_000), within: duration })
    .optional()
    .register(...about("With fewer readings of any of its signals it is not judged")),
  min_requests: z
    .strictObject({
      of: celName.describe("Signal that counts requests and only grows"),
      count: z.number().positive(),
      within: duration,
    })
    .optional()
    .register(...about("With fewer requests it is not judged: one of two that fail is no 50 %")),
  settle: duration
    .optional()
    .register(...about("After a rollback it is not judged for this long: what it looks at starts cold")),
});

export const question = z.strictObject({
  ...described,
  ask: z
    .string()
    .min(1)
    .register(...about("The question, as a person reads it")),
  answers: z
    .array(name)
    .min(2)
    .default(["yes", "no"])
    .register(...about("What may be answered; default: yes, no")),
});

const outcome = {
  scenario: z
    .union([name, z.array(name).min(1)])
    .optional()
    .register(...about("The way back. Of several that would mend it the cheapest is taken")),
  mode: z
    .enum(decisionModes)
    .optional()
    .register(...about("auto: nobody is asked; approve: a person; advise: only said")),
  say: z
    .string()
    .min(1)
    .optional()
    .register(...about("What to do instead of a rollback")),
  why: z.string().min(1).optional(),
  class: z
    .enum(responseClasses)
    .optional()
    .register(...about("How fast it has to be, by `objectives.classes`")),
};
const condition = z
  .string()
  .min(1)
  .register(...about("CEL over trigger names, `verdict` and `change`"));

const words = {
  if: condition.optional(),
  ask: name.optional().register(...about("A question of `questions`")),
  then: "Where the condition holds, or the answer is yes",
  else: "Where it does not, or the answer is no",
  answers: "Answer: how it goes on",
};
const decisionNode: z.ZodType<DecisionNode> = z.strictObject({
  ...outcome,
  if: words.if,
  ask: words.ask,
  get then() {
    return decisionNode.optional().register(...about(words.then));
  },
  get else() {
    return decisionNode.optional().register(...about(words.else));
  },
  get answers() {
    return z
      .record(name, decisionNode)
      .optional()
      .register(...about(words.answers));
  },
});
export const decision = z.strictObject({
  when: condition.optional(),
  ...outcome,
  if: words.if,
  ask: words.ask,
  then: decisionNode.optional().register(...about(words.then)),
  else: decisionNode.optional().register(...about(words.else)),
  answers: z
    .record(name, decisionNode)
    .optional()
    .register(...about(words.answers)),
});

const cell = z.strictObject({
  above: z.number().optional(),
  below: z.number().optional(),
  for: duration.optional().register(...about("How long it must hold without a break")),
  ...outcome,
});
export const metric = z.strictObject({
  ...described,
  signal: celName.optional().register(...about("Default: the signal of the same name")),
  warning: cell.optional().register(...about("A trigger of level YELLOW, and what is done about it")),
  critical: cell.optional().register(...about("A trigger of level RED, and what is done about it")),
});
