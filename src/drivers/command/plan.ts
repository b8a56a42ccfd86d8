import type { Intent, Phase, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type TargetData, unobserved } from "./identity.js";
import { spelled } from "./program.js";
import type { Operation, TargetOptions } from "./target-options.js";

const defaultMs = {
  restore: 10_000,
  undo: 10_000,
  stop: 5_000,
  start: 5_000,
  restart: 5_000,
  lock: 1_000,
  unlock: 1_000,
} as const;
/** Lets the program's own time-out, which says more, come first: its group is killed within 5 s. */
const timeoutMargin = 10_000;

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

export function step(options: TargetOptions, operation: Operation, phase: Phase): StepSpec {
  const program = options[operation];
  if (program === undefined) {
    throw refused(`${operation}: the target has no such program`, `give \`${operation}\` in its options`);
  }
  return {
    operation,
    title: `${operation} by running ${spelled(program.run)}`,
    phase,
    input: { program: [...program.run] },
    expectedMs: defaultMs[operation],
    ...(program.timeout === undefined ? {} : { timeoutMs: program.timeout + timeoutMargin }),
  };
}

function restoreStep({
  options,
  captured,
  observed,
  intent,
  restoreMs,
}: PlanInput<TargetOptions, TargetData, null>): StepSpec[] {
  if (options.restore === undefined) {
    throw refused("restore: the target has no such program", "give `restore`, or only restart the target");
  }
  if (intent.keep.length > 0) {
    throw refused(
      `keep: "${intent.keep.join('", "')}" cannot be kept, a command brings its target back whole`,
      "take the target out of `keep`, or out of the scenario",
    );
  }
  if (options.capture !== undefined && captured === undefined) {
    throw refused("nothing was captured of the target", "make a checkpoint first: backout checkpoint");
  }
  if (observed.identity !== unobserved && observed.identity === captured?.identity) return [];
  const irreversible =
    options.irreversible ??
    (options.undo === undefined ? "there is no `undo` program that takes it back" : undefined);
  const base = step(options, "restore", "restore");
  return [
    {
      ...base,
      input: { ...base.input, before: observed.identity },
      impact: {
        changes: [
          { what: "state", before: observed.summary, after: captured?.summary ?? "what the program makes" },
        ],
        ...(irreversible === undefined ? {} : { irreversible }),
      },
      exclusive: options.exclusive,
      expectedMs: restoreMs ?? options.expected ?? base.expectedMs,
    },
  ];
}

const stopAndStart = (options: TargetOptions, stopPhase: Phase): StepSpec[] => [
  { ...step(options, "stop", stopPhase), impact: { interrupts: true } },
  { ...step(options, "start", "resume"), needs: ["stop"] },
];

function restartSteps(options: TargetOptions): StepSpec[] {
  if (options.restart !== undefined) {
    return [{ ...step(options, "restart", "resume"), impact: { interrupts: true } }];
  }
  if (options.stop !== undefined) return stopAndStart(options, "resume");
  throw refused(
    "the target cannot be restarted, so it would keep what it read before",
    "give `restart`, or `stop` and `start`",
  );
}

export function plan(input: PlanInput<TargetOptions, TargetData, null>): StepSpec[] {
  const { options, intent } = input;
  return [...aroundSteps(options, intent), ...(intent.restore ? restoreStep(input) : [])];
}

/** People come back last, after the checks: a lockdown that is lifted early shows them what is not verified. */
function lockdown(options: TargetOptions): StepSpec[] {
  const by = spelled(options.unlock?.run ?? []);
  return [
    {
      ...step(options, "lock", "quiesce"),
      impact: { changes: [{ what: "lockdown", before: "off", after: "on" }], interrupts: true },
    },
    {
      ...step(options, "unlock", "unfence"),
      needs: ["lock"],
      impact: {
        changes: [
          {
            what: "lockdown",
            before: "on",
            after: `off; it stays on where a check does not pass or lifting it fails: then by hand with ${by}`,
          },
        ],
        interrupts: true,
      },
    },
  ];
}

/** Stopped and started, or restarted, as it is asked for. */
export function aroundSteps(options: TargetOptions, intent: Intent): StepSpec[] {
  if (intent.quiesce) {
    const locked = options.lock === undefined ? [] : lockdown(options);
    if (options.stop !== undefined && options.start !== undefined) {
      return [...locked, ...stopAndStart(options, "quiesce")];
    }
    if (locked.length > 0) return locked;
    throw refused(
      "the target cannot be stopped, and something that it uses must be alone",
      "give `stop` and `start`, or `lock` and `unlock`",
    );
  }
  return intent.restart ? restartSteps(options) : [];
}
