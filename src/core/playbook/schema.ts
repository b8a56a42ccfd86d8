import * as z from "zod";
import { about } from "../about.js";
import { duration } from "./duration.js";
import { decision, metric, question, signal, trigger } from "./schema-judging.js";
import { celName, described, driverOptions, name, names } from "./schema-names.js";

/** The version that `backout: 1` names. A higher one in a file is refused. */
export const playbookVersion = 1;

export const risks = ["low", "medium", "high", "critical"] as const;
export type Risk = (typeof risks)[number];
/** Cheapest first. */
export const strategies = ["flag", "restart", "traffic", "code", "schema", "restore"] as const;
export type Strategy = (typeof strategies)[number];

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
