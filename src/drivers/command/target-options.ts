import * as z from "zod";
import { about } from "../../core/about.js";
import { duration } from "../../core/playbook/duration.js";
import { type Program, program } from "./program.js";

export interface TargetOptions {
  readonly capture?: Program | undefined;
  readonly observe?: Program | undefined;
  readonly restore?: Program | undefined;
  readonly undo?: Program | undefined;
  readonly irreversible?: string | undefined;
  readonly exclusive: boolean;
  readonly sensitive: boolean;
  readonly stop?: Program | undefined;
  readonly start?: Program | undefined;
  readonly restart?: Program | undefined;
  readonly lock?: Program | undefined;
  readonly unlock?: Program | undefined;
  readonly settle?: Program | undefined;
  readonly idempotent: boolean;
  readonly verify?: Program | undefined;
  readonly prove?: Program | undefined;
  /** Milliseconds. */
  readonly expected?: number | undefined;
  readonly claims: readonly string[];
}

/** The programs that change something: what a step's operation can be. */
export const operations = ["restore", "undo", "stop", "start", "restart", "lock", "unlock"] as const;
export type Operation = (typeof operations)[number];

export const programNames = [
  "capture",
  "observe",
  ...operations,
  "settle",
  "verify",
  "prove",
] as const satisfies readonly (keyof TargetOptions)[];

const optional = (text: string) => program.optional().register(...about(text));

export const targetOptions: z.ZodType<TargetOptions> = z
  .strictObject({
    capture: optional(
      "Only looks; what it prints, or writes to the file $BACKOUT_ARTIFACT, is kept in the checkpoint",
    ),
    observe: optional(
      "Only looks; the same state must print the same text, whose digest is the state's identity. Default: `capture`",
    ),
    restore: optional("Brings back what lies in the file $BACKOUT_CAPTURED"),
    undo: optional(
      "Takes back what the restore (or an undo) with the key $BACKOUT_UNDOES did, from what that program kept",
    ),
    irreversible: z
      .string()
      .min(1)
      .optional()
      .register(...about("Why the restore cannot be taken back")),
    exclusive: z
      .boolean()
      .default(false)
      .register(...about("The restore needs the target for itself: its users are stopped first")),
    sensitive: z
      .boolean()
      .default(false)
      .register(...about("What is captured holds secrets: encrypted, or refused")),
    stop: optional("Stops using what the target depends on; needs `start`"),
    start: optional("Undoes `stop`"),
    restart: optional("Makes the target pick up what was restored below it. Default: `stop`, then `start`"),
    lock: optional(
      "Locks people out before something that the target uses is changed exclusively; needs `unlock`. The same again must do no harm",
    ),
    unlock: optional("Lets them in again, once every check has passed"),
    settle: optional(
      "Asked whether $BACKOUT_OPERATION has happened: exit status 0 applied, 10 not applied, 11 partly, others unknown",
    ),
    idempotent: z
      .boolean()
      .default(false)
      .register(...about("The programs that change something may be run again after an end that nobody saw")),
    verify: optional("Passes when the target works as it did"),
    prove: optional("Brings $BACKOUT_CAPTURED back in the empty folder $BACKOUT_SCRATCH and compares"),
    expected: duration
      .optional()
      .register(...about("How long the restore takes, until a rehearsal has measured it")),
    claims: z
      .array(z.string().min(1))
      .default([])
      .register(...about("What the target owns, e.g. `file:data/app.db`: no other target may claim it")),
  })
  .superRefine((options, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (operations.every((name) => options[name] === undefined)) {
      issue(
        "restore",
        "the target does nothing; give at least one of restore, restart, stop with start, lock with unlock",
      );
    }
    if (options.stop !== undefined && options.start === undefined) {
      issue("start", "missing beside `stop`: what is stopped must be started again");
    }
    if (options.start !== undefined && options.stop === undefined) {
      issue("stop", "missing beside `start`");
    }
    if ((options.lock === undefined) !== (options.unlock === undefined)) {
      const [given, missing] = options.lock === undefined ? ["unlock", "lock"] : ["lock", "unlock"];
      issue(missing, `missing beside \`${given}\`: who is locked out must be let in again`);
    }
    if (options.undo !== undefined && options.restore === undefined) {
      issue("undo", "needs `restore`: without it there is nothing to take back");
    }
    if (options.undo !== undefined && options.irreversible !== undefined) {
      issue("irreversible", "given beside `undo`, which takes the restore back");
    }
    if (options.prove !== undefined && options.capture === undefined) {
      issue("prove", "needs `capture`: without it there is nothing to prove");
    }
  });
