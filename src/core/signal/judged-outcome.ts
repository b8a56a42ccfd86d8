import { findingAt } from "./finding.js";
import type { Judging } from "./judging.js";
import type { TriggerState, TriggerStatus } from "./trigger-state.js";
import { triggerStatus } from "./trigger-status.js";

/** As of the last moment that was judged. */
export function stateOf({ compiled, signals, triggers, begun, judged, settlingFrom }: Judging): TriggerState {
  const known = signals.flatMap(({ name, latest }) =>
    latest === undefined ? [] : [[name, latest] as const],
  );
  const past = signals.flatMap(({ name, history }) =>
    history === undefined || history.length === 0 ? [] : [[name, history.readings()] as const],
  );
  return {
    begun: begun ?? 0,
    judged,
    signals: compiled.measures,
    latest: Object.fromEntries(known),
    triggers: Object.fromEntries(
      triggers.map(({ name, memory, digest }) => [name, { ...memory, of: digest }]),
    ),
    ...(past.length === 0 ? {} : { history: Object.fromEntries(past) }),
    ...(settlingFrom === undefined ? {} : { settlingFrom }),
  };
}

/** Those that have not changed are the same objects as before. */
export function tellStatuses(judging: Judging): TriggerStatus[] {
  const { triggers, told, untold, world, judged } = judging;
  const again = new Set<number>();
  for (const place of untold) {
    const trigger = triggers[place];
    if (trigger === undefined) continue;
    const { finding } = trigger;
    // What speaks of ages is told anew at every moment.
    const dated = finding === undefined || "noData" in finding || "notYet" in finding;
    if (dated) again.add(place);
    const now = dated ? findingAt(trigger, world, judged) : finding;
    told[place] = triggerStatus(trigger, trigger.memory, now, world);
  }
  judging.untold = again;
  return [...told];
}
