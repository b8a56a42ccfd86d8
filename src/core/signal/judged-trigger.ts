import type { CompiledTrigger } from "./compile-triggers.js";
import { type Finding, findingAt, type World } from "./finding.js";
import type { TriggerMemory, TriggerState, TriggerStatus } from "./trigger-state.js";

/** One trigger and where it is. */
export interface Judged extends CompiledTrigger {
  memory: TriggerMemory;
  /** What its signals say; nothing where that has to be found out anew. */
  finding: Finding | undefined;
  /** Its counted signal was read at this moment. */
  reading: boolean;
  status: TriggerStatus | undefined;
}

export function judgedTrigger(trigger: CompiledTrigger, state: TriggerState | undefined): Judged {
  const known = Object.hasOwn(state?.triggers ?? {}, trigger.name)
    ? state?.triggers[trigger.name]
    : undefined;
  const same = known !== undefined && (known.of === undefined || known.of === trigger.digest);
  const { of: _, ...memory } = same ? known : { phase: "inactive" as const, since: state?.judged ?? 0 };
  return { ...trigger, memory, finding: undefined, reading: false, status: undefined };
}

/** With all its times moved: the clock was set. */
export const movedMemory = (memory: TriggerMemory, moved: (at: number) => number): TriggerMemory => ({
  ...memory,
  since: moved(memory.since),
  ...(memory.frozen === undefined ? {} : { frozen: moved(memory.frozen) }),
  ...(memory.began === undefined ? {} : { began: moved(memory.began) }),
  ...(memory.clearing === undefined ? {} : { clearing: moved(memory.clearing) }),
});

export function statusOf(trigger: Judged, world: World, judged: number): TriggerStatus {
  const { finding } = trigger;
  const dated = finding === undefined || "noData" in finding || "notYet" in finding;
  if (trigger.status !== undefined && !dated) return trigger.status;
  const now = dated ? findingAt(trigger, world, judged) : finding;
  const { memory, definition } = trigger;
  const noData = reasonOf(now);
  const awaited = "awaited" in now;
  const unknown =
    memory.frozen === undefined
      ? awaited && memory.phase !== "pending"
      : awaited || memory.phase !== "firing";
  trigger.status = {
    trigger: trigger.name,
    level: definition.level,
    ...(definition.severity === undefined ? {} : { severity: definition.severity }),
    state: unknown ? "unknown" : memory.phase,
    ...(memory.phase === "inactive" ? {} : { since: memory.since }),
    ...(memory.began === undefined ? {} : { began: memory.began }),
    ...(memory.clearing === undefined ? {} : { clearing: memory.clearing }),
    for: definition.for,
    when: definition.when,
    samples: trigger.when.variables.flatMap((name) => world.signal(name)?.latest ?? []),
    ...("values" in now && now.values !== undefined ? { values: now.values } : {}),
    ...(noData === undefined ? {} : { noData }),
    ...("mutedUntil" in now ? { mutedUntil: now.mutedUntil } : {}),
  };
  return trigger.status;
}

function reasonOf(finding: Finding): string | undefined {
  if ("noData" in finding) return finding.noData;
  if ("notYet" in finding) return finding.notYet;
  if ("awaited" in finding) return finding.awaited;
  return "tooFew" in finding ? finding.tooFew : undefined;
}
