import type { CompiledTrigger } from "./compile-triggers.js";
import type { Finding, World } from "./finding.js";
import type { Sample } from "./sample.js";
import type { TriggerMemory, TriggerStatus } from "./trigger-state.js";

type Open<T> = { -readonly [Key in keyof T]: T[Key] };

/** What is told of a trigger. Built field by field: thousands are made each second, and spreads would cost ten times as much. */
export function triggerStatus(
  { name, definition, when }: CompiledTrigger,
  memory: TriggerMemory,
  finding: Finding,
  world: World,
): TriggerStatus {
  const awaited = "awaited" in finding;
  const unknown =
    memory.frozen === undefined
      ? awaited && memory.phase !== "pending"
      : awaited || memory.phase !== "firing";
  const status: Open<TriggerStatus> = {
    trigger: name,
    level: definition.level,
    state: unknown ? "unknown" : memory.phase,
    for: definition.for,
    when: definition.when,
    samples: latestOf(when.variables, world),
  };
  if (definition.severity !== undefined) status.severity = definition.severity;
  if (memory.phase !== "inactive") status.since = memory.since;
  if (memory.began !== undefined) status.began = memory.began;
  if (memory.clearing !== undefined) status.clearing = memory.clearing;
  if ("values" in finding && finding.values !== undefined) status.values = finding.values;
  const noData = reasonOf(finding);
  if (noData !== undefined) status.noData = noData;
  if ("mutedUntil" in finding) status.mutedUntil = finding.mutedUntil;
  return status;
}

function latestOf(names: readonly string[], { signal }: World): readonly Sample[] {
  const samples: Sample[] = [];
  for (const name of names) {
    const latest = signal(name)?.latest;
    if (latest !== undefined) samples.push(latest);
  }
  return samples;
}

function reasonOf(finding: Finding): string | undefined {
  if ("noData" in finding) return finding.noData;
  if ("notYet" in finding) return finding.notYet;
  if ("awaited" in finding) return finding.awaited;
  return "tooFew" in finding ? finding.tooFew : undefined;
}
