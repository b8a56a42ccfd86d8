import type { Impact, Observation } from "../../core/driver.js";
import type { Seen } from "./observe.js";

export function impactOf(name: string, then: string, { summary, data }: Observation<Seen>): Impact {
  // The plan reads in the direction of travel: what the rollout made is `before`.
  const since = data.changes.map(({ what, before, after }) => ({ what, before: after, after: before }));
  return {
    changes: [{ what: name, before: summary, after: then }, ...since],
    ...(data.losses.length === 0 ? {} : { loses: data.losses }),
    interrupts: true,
  };
}
