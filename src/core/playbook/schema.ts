import * as z from "zod";
import { about } from "../about.js";
import { parsedJson } from "../parsed-json.js";
import { type DecisionNode, decisionModes, responseClasses } from "./decision-node.js";
import { duration } from "./duration.js";

/** The version that `backout: 1` names. A higher one in a file is refused. */
export const playbookVersion = 1;

export const risks = ["low", "medium", "high", "critical"] as const;
export type Risk = (typeof risks)[number];
/** Cheapest first. */
export const strategies = ["flag", "restart", "traffic", "code", "schema", "restore"] as const;
export type Strategy = (typeof strategies)[number];
export const levels = ["GREEN", "YELLOW", "RED"] as const;
export type Level = (typeof levels)[number];
/** Worst first. How fast somebody has to do something about each: `responseTimes` in core/signal/severity.ts. */
export const severities = ["SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4"] as const;
export type Severity = (typeof severities)[number];
export const noDataRules = ["hold", "fail", "ignore"] as const;
export type NoData = (typeof noDataRules)[number];

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]*$/, "a name is lower-case letters, digits, - and _, and begins with a letter");
const wordsOfCel = new Set(
  (
    "as bool break bytes cel const continue double else false for function google if import in int let list loop " +
    "map namespace null null_type optional package return string true type uint var verdict void while"
  ).split(" "),
);
/** Names that CEL expressions use: no hyphen, which would be a minus there. */
const celName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]*$/,
    "this name is used in expressions: lower-case letters, digits and _ only, and it begins with a letter",
  )
  .refine((text) => !wordsOfCel.has(text), "this name means something else in expressions; choose another");
const names = z.array(name).default([]);
const driverOptions = z
  .record(z.string(), parsedJson)
  .default({})
  .register(...about("Options of the driver"));
const described = {
  description: z
    .string()
    .optional()
    .register(...about("For people")),
};

const target = z
  .strictObject({
    ...described,
    driver: name.describe("Kind of target: the name of a driver"),
    with: driverOptions,
    uses: names.describe("Targets that this one depends on"),
  })
  .register(...about("A thing with state that can be captured and brought back"));

const change = z.strictObject({
  ...described,
  risk: z.enum(risks).optional(),
  promised: duration.optional().register(...about("Promised time of its rollback")),
  targets: z
    .array(name)
    .min(1)
    .register(...about("Targets that the change touches")),
  keep: z
    .record(name, z.array(z.string()))
    .default({})
    .register(...about("Per target: what must survive the rollback")),
});

const person = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
    "a role or user name is letters, digits, ., - and _, without @host",
  );
const atOnce = z.int().min(1);

const scenario = z.strictObject({
  ...described,
  strategy: z.enum(strategies).default("restore"),
  restore: names.describe("Targets brought back to the checkpoint"),
  restart: names.describe("Targets only restarted, after what they use is back"),
  checks: z
    .array(name)
    .optional()
    .register(...about("Checks that must pass afterwards; default: all")),
  promised: duration.optional(),
  timeout: duration.optional().register(...about("For the whole run")),
  fallback: name.optional().register(...about("Scenario to offer when this one fails")),
  approval: z
    .strictObject({
      by: z
        .array(person)
        .min(1)
        .register(...about("Roles of `people`, or user names: one of them has to agree")),
      expires: duration
        .default(1_800_000)
        .register(...about("Without an approval for this long, the run ends as failed")),
    })
    .optional()
    .register(...about("The run waits until somebody agrees to its very plan")),
  escalate: z
    .array(
      z.strictObject({
        after: duration.describe("Time since the run began"),
        say: z.string().min(1),
        to: z
          .string()
          .min(1)
          .optional()
          .register(...about("Whom it is meant for")),
      }),
    )
    .optional()
    .register(...about("What to say while the run takes longer than that")),
  onFailure: z
    .enum(["finish", "cancel"])
    .optional()
    .register(...about("What running steps do when another fails for good")),
});

const check = z.strictObject({
  ...described,
  driver: name,
  with: driverOptions,
  within: duration.default(30_000).register(...about("Asked again until it passes, for at most this long")),
  stable: duration.default(0).register(...about("Must then keep passing for this long")),
});

const signal = z.strictObject({
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
const trigger = z.strictObject({
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

const question = z.strictObject({
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
const decision = z.strictObject({
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
const metric = z.strictObject({
  ...described,
  signal: celName.optional().register(...about("Default: the signal of the same name")),
  warning: cell.optional().register(...about("A trigger of level YELLOW, and what is done about it")),
  critical: cell.optional().register(...about("A trigger of level RED, and what is done about it")),
});

const environment = z.strictObject({
  ...described,
  variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  default: z
    .boolean()
    .default(false)
    .register(...about("Taken when none is named")),
});

/** The file as written, before variables are put in. */
export const playbookSchema = z
  .strictObject({
    backout: z.literal(playbookVersion).register(...about("Version of this format")),
    system: name.describe("Name of the system that this playbook brings back"),
    state: z
      .string()
      .min(1)
      .default(".backout")
      .register(...about("Folder of journal and checkpoints")),
    engine: z
      .string()
      .regex(
        /^(postgres(ql)?:\/\/.|\$\{(env|file):)/,
        "an engine is the URL of a PostgreSQL database: postgres://user:password@host:5432/database",
      )
      .optional()
      .register(
        ...about(
          "PostgreSQL for the scaled-out engine, e.g. `${env:BACKOUT_ENGINE}`; default: the state folder",
        ),
      ),
    environments: z.record(name, environment).default({}),
    variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
    objectives: z
      .strictObject({
        rto: duration.optional().register(...about("Recovery time objective")),
        rpo: duration.optional().register(...about("Recovery point objective")),
        classes: z
          .strictObject({
            critical: duration.default(120_000),
            performance: duration.default(300_000),
            feature: duration.default(900_000),
            other: duration.default(1_800_000),
          })
          .prefault({})
          .register(...about("How long a way back of each class may take, from the first bad sample")),
      })
      .prefault({}),
    encryption: z
      .strictObject({
        recipients: z
          .array(z.string().startsWith("age1"))
          .min(1)
          .register(...about("age public keys")),
        identity: z
          .string()
          .optional()
          .register(...about("age secret key, as a reference: ${env:X} or ${file:path}")),
      })
      .optional(),
    proofs: z.strictObject({ expire: duration.default(7 * 86_400_000) }).prefault({}),
    retention: z.strictObject({ keep: z.int().min(1).default(10), for: duration.optional() }).prefault({}),
    targets: z
      .record(name, target)
      .refine((all) => Object.keys(all).length > 0, "at least one target is needed"),
    changes: z.record(name, change).default({}),
    scenarios: z.record(name, scenario).default({}),
    checks: z.record(name, check).default({}),
    signals: z.record(celName, signal).default({}),
    triggers: z.record(celName, trigger).default({}),
    questions: z
      .record(name, question)
      .default({})
      .register(...about("What only a person can say: asked by `backout decide`")),
    decisions: z
      .array(decision)
      .default([])
      .register(...about("What is done about it: the first rule that holds, or the way through a tree")),
    matrix: z
      .record(celName, metric)
      .default({})
      .register(...about("Short form: metric → warning and critical, each with its limit and what is done")),
    people: z
      .strictObject({
        roles: z
          .record(name, z.array(person).min(1))
          .default({})
          .register(...about("Role: user names of its members")),
      })
      .optional()
      .register(...about("Who may approve")),
    limits: z
      .strictObject({
        steps: atOnce.default(16).register(...about("Steps that run at once")),
        perTarget: atOnce.default(4),
        perDriver: atOnce.default(16),
      })
      .optional()
      .register(...about("How much of a run goes on at once")),
    watch: z
      .strictObject({
        cooldown: duration
          .default(600_000)
          .register(...about("After a rollback, no automatic one for this long")),
        mute: duration
          .default(30_000)
          .register(...about("After a rollback, triggers are not judged for this long")),
        baseline: duration
          .default(15_000)
          .register(
            ...about("How long `checkpoint` reads the signals that triggers compare with their `baseline`"),
          ),
        perDay: atOnce
          .default(3)
          .register(...about("So many rollbacks within 24 hours, and none more starts by itself")),
      })
      .prefault({}),
  })
  .register(...about("A backout playbook"));

export type PlaybookFile = z.output<typeof playbookSchema>;
