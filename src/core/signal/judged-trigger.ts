import type { CompiledTrigger } from "./compile-triggers.js";
import type { Finding } from "./finding.js";
import type { TriggerMemory, TriggerState } from "./trigger-state.js";

/** One trigger and where it is. */
export interface Judged extends CompiledTrigger {
  memory: TriggerMemory;
  /** What its signals say; nothing where that has to be found out anew. */
  finding: Finding | undefined;
  /** Its counted signal was read at this moment. */
  reading: boolean;
}

export function judgedTrigger(trigger: CompiledTrigger, state: TriggerState | undefined): Judged {
  const known = Object.hasOwn(state?.triggers ?? {}, trigger.name)
    ? state?.triggers[trigger.name]
    : undefined;
  const same = known !== undefined && (known.of === undefined || known.of === trigger.digest);
  const { of: _, ...memory } = same ? known : { phase: "inactive" as const, since: state?.judged ?? 0 };
  return { ...trigger, memory, finding: undefined, reading: false };
}

/** With all its times moved: the clock was set. */
export const movedMemory = (memory: TriggerMemory, moved: (at: number) => number): TriggerMemory => ({
  ...memory,
  since: moved(memory.since),
  ...(memory.frozen === undefined ? {} : { frozen: moved(memory.frozen) }),
  ...(memory.began === undefined ? {} : { began: moved(memory.began) }),
  ...(memory.clearing === undefined ? {} : { clearing: moved(memory.clearing) }),
});
