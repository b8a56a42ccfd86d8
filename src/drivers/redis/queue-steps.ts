import type { StepSpec } from "../../core/driver.js";
import type { Options } from "./options.js";
import type { QueueSeen } from "./queue-state.js";
import { quarantineName } from "./scope.js";

export type QueueInput = {
  readonly prefix: string;
  readonly name: string;
  /** Jobs made later than this: milliseconds since the epoch. */
  readonly since?: number;
};

const stepMs = 200;

/** Paused before anything moves, and afterwards as they were: one that was paused before is left so. */
export function queueSteps(
  { queues }: Pick<Options, "queues">,
  seen: readonly QueueSeen[],
  since: number,
  otherWork: boolean,
): StepSpec[] {
  const moving = seen.filter((queue) => queue.since > 0);
  if (!otherWork && moving.length === 0) return [];
  const own = seen.filter(({ prefix, name }) =>
    queues.some((one) => one.name === name && one.prefix === prefix),
  );
  return own.flatMap((queue): StepSpec[] => {
    const { prefix, name, paused } = queue;
    const input: QueueInput = { prefix, name };
    const step = (operation: string, title: string, phase: StepSpec["phase"], more: object): StepSpec => ({
      ...{
        operation: `${operation}-${prefix}-${name}`,
        title,
        phase,
        input: { ...input },
        expectedMs: stepMs,
      },
      ...more,
    });
    return [
      ...(paused ? [] : [step("pause", `pause queue ${name}`, "fence", {})]),
      ...(queue.since === 0 ? [] : [quarantineStep(step, queue, since)]),
      ...(paused ? [] : [step("resume", `let queue ${name} go on`, "resume", {})]),
    ];
  });
}

type Step = (operation: string, title: string, phase: StepSpec["phase"], more: object) => StepSpec;

function quarantineStep(
  step: Step,
  { prefix, name, since: jobs, waiting }: QueueSeen,
  since: number,
): StepSpec {
  const input: QueueInput = { prefix, name, since };
  const to = quarantineName(name);
  return step("quarantine", `move ${jobs} jobs of queue ${name} to ${to}`, "restore", {
    input,
    expectedMs: stepMs + jobs,
    impact: {
      changes: [
        {
          what: `queue ${name}`,
          before: `${waiting} jobs wait`,
          after: `${waiting - jobs} wait, ${jobs} in ${to}`,
        },
      ],
    },
  });
}
