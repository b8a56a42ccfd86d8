import type { Movement } from "./compile-triggers.js";
import type { Finding } from "./finding.js";
import type { TriggerMemory } from "./trigger-state.js";

/**
 * What becomes of a trigger at a moment. Idempotent but for `reading`: whether the moment is a new reading of the signal
 * that is counted.
 *
 * Without `times`, `clear.when` and `hold` it moves as Prometheus' alerting rules do: pending from the first moment at which
 * the condition holds, firing once `for` has passed without a break, ended once `clear.for` has passed since it no longer holds.
 */
export function moveTrigger(
  before: TriggerMemory,
  finding: Finding,
  rule: Movement,
  at: number,
  reading: boolean,
): TriggerMemory {
  if ("mutedUntil" in finding) return inactive(before, at);
  const { frozen } = before;
  const ended = "awaited" in finding && finding.stale && rule.no_data === "ignore";
  if ("awaited" in finding && !ended)
    return finding.stale && frozen === undefined ? { ...before, frozen: at } : before;
  const missing = !("held" in finding);
  // What nobody can have read yet, or not often enough, never makes it fire.
  const proves = !missing || "noData" in finding || ended;
  if (missing && (rule.no_data === "hold" || !(proves || (rule.no_data === "ignore" && "tooFew" in finding))))
    return frozen === undefined ? { ...before, frozen: at } : before;
  const held = "held" in finding ? finding.held : rule.no_data === "fail";
  const pause = frozen === undefined ? 0 : at - frozen;
  const count = reading ? 1 : 0;
  if (before.phase === "firing") {
    const ends = "cleared" in finding ? finding.cleared : !held;
    return ends ? clearing(before, rule, at, pause, count) : stillFiring(before);
  }
  if (!held) return inactive(before, at);
  const since = before.phase === "pending" ? before.since + pause : at;
  const heldAt = (before.phase === "pending" ? (before.held ?? 0) : 0) + count;
  const ripe = at - since >= rule.for && heldAt >= (rule.times ?? 0);
  if (ripe) return { phase: "firing", since: at, began: since };
  if (rule.times !== undefined) return { phase: "pending", since, held: heldAt };
  return before.phase === "pending" && frozen === undefined ? before : { phase: "pending", since };
}

function inactive(before: TriggerMemory, at: number): TriggerMemory {
  if (before.phase !== "inactive") return { phase: "inactive", since: at };
  return before.frozen === undefined ? before : { phase: "inactive", since: before.since };
}

function stillFiring(memory: TriggerMemory): TriggerMemory {
  if (memory.frozen === undefined && memory.clearing === undefined) return memory;
  const { frozen: _, clearing: __, cleared: ___, ...rest } = memory;
  return rest;
}

function clearing(
  before: TriggerMemory,
  { clear }: Movement,
  at: number,
  pause: number,
  count: number,
): TriggerMemory {
  const { frozen: _, ...memory } = before;
  const since = memory.clearing === undefined ? at : memory.clearing + pause;
  const times = (memory.cleared ?? 0) + count;
  const over = at - since >= (clear?.for ?? 0) && times >= (clear?.times ?? 0);
  if (over) return { phase: "inactive", since: at };
  return clear?.times === undefined
    ? { ...memory, clearing: since }
    : { ...memory, clearing: since, cleared: times };
}

/** When it moves on although nothing new is measured; nothing where that cannot be. */
export function dueAt(memory: TriggerMemory, rule: Movement): number | undefined {
  if (memory.frozen !== undefined) return undefined;
  if (memory.phase === "pending") return memory.since + rule.for;
  return memory.clearing === undefined ? undefined : memory.clearing + (rule.clear?.for ?? 0);
}
