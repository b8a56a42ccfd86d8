import type { Difference, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import { absent, accessOf, type EnvFileData } from "./file-state.js";
import type { EnvFileSeen } from "./observe.js";
import type { EnvFileOptions } from "./options.js";

type Input = PlanInput<EnvFileOptions, EnvFileData, EnvFileSeen>;

/** Lets the wait for the process, which says more, run out first. */
const timeoutMargin = 10_000;

function restoreNeeded({ captured, observed, intent, options }: Input): boolean {
  if (!intent.restore) return false;
  if (captured === undefined) {
    throw new BackoutError("REFUSED", `${options.file}: nothing was captured of it`, {
      effect: "none",
      hint: "make a checkpoint first: backout checkpoint",
    });
  }
  if (observed.identity === captured.identity) return false;
  const { changes, access } = observed.data;
  const onlyKept =
    changes !== null && changes.length > 0 && changes.every(({ key }) => intent.keep.includes(key));
  return !(onlyKept && access === accessOf(captured.data));
}

/** From what is there now to what will be. */
export const turns = {
  changed: { before: "(hidden)", after: "changed (hidden)" },
  added: { before: "(hidden)", after: "removed" },
  removed: { before: "not set", after: "set (hidden)" },
} as const;

function differences({ captured, observed, intent, options }: Input): Difference[] {
  const { changes, access } = observed.data;
  const keys: Difference[] = (changes ?? [])
    .filter(({ key }) => !intent.keep.includes(key))
    .map(({ key, how }) => ({ what: key, ...turns[how] }));
  const back = captured === undefined ? absent : accessOf(captured.data);
  if (access !== null && access !== back) keys.push({ what: options.file, before: access, after: back });
  if (keys.length > 0) return keys;
  return [{ what: options.file, before: observed.summary, after: captured?.summary ?? absent }];
}

export const preserveStep = ({ file }: EnvFileOptions): StepSpec => ({
  operation: "preserve",
  title: `keep the present ${file} beside it`,
  phase: "preserve",
  input: {},
  expectedMs: 50,
  timeoutMs: 10_000,
  onFailure: "continue",
});

function fileSteps(input: Input): StepSpec[] {
  const { options, observed, intent, restoreMs } = input;
  const there = observed.identity !== absent;
  const restore: StepSpec = {
    operation: "restore",
    title: `put ${options.file} back`,
    phase: "restore",
    input: { before: observed.identity, keep: [...intent.keep] },
    impact: { changes: differences(input) },
    expectedMs: restoreMs ?? 100,
  };
  return there ? [preserveStep(options), restore] : [restore];
}

function restartSteps({ options, observed, intent }: Input, restored: boolean): StepSpec[] {
  const { changes, process } = observed.data;
  const stale = intent.restore && (process?.stale ?? []).some((key) => !intent.keep.includes(key));
  if (!restored && !intent.restart && !stale) return [];
  const gone = restored ? (changes ?? []).filter(({ how }) => how === "added").map(({ key }) => key) : [];
  return restartStep(options, restored ? ["restore"] : [], {
    before: process?.instance ?? null,
    absent: gone.filter((key) => !intent.keep.includes(key)),
    always: intent.restart,
  });
}

/** None where the playbook names no way to restart. */
export function restartStep(options: EnvFileOptions, needs: string[], input: JsonObject): StepSpec[] {
  const { restart } = options;
  if (restart === undefined) return [];
  return [
    {
      operation: "restart",
      title: `restart by running ${restart.command.join(" ")}, until the process has the values`,
      phase: "resume",
      ...(needs.length === 0 ? {} : { needs }),
      input,
      impact: { interrupts: true },
      expectedMs: Math.min(5_000, restart.timeout),
      timeoutMs: restart.timeout + timeoutMargin,
    },
  ];
}

/** `keep` names variables that stay as they are now. An environment file has nothing to quiesce. */
export function plan(input: Input): StepSpec[] {
  const restored = restoreNeeded(input);
  return [...(restored ? fileSteps(input) : []), ...restartSteps(input, restored)];
}
