import type { TriggerStatus } from "../signal/trigger-state.js";

/** What is looked up before anything may start by itself: plain data, so that its judgement can be tested. */
export interface Guards {
  /** The run that somebody is executing. */
  readonly running?: string;
  /** The run that stands stopped, or was left by its process. */
  readonly unfinished?: string;
  /** The last rollback that has ended. */
  readonly last?: { readonly run: string; readonly scenario: string; readonly endedAt: number };
  /** After a rollback, none starts by itself for this long. Milliseconds. */
  readonly coolDownMs: number;
  /** Rollbacks within the last 24 hours, and how many may be. */
  readonly today: number;
  readonly perDay: number;
  /** Scenario → why it leads nowhere. Absent: it can be tried. */
  readonly blocked: Readonly<Record<string, Held>>;
  /** Somebody else acts on this environment. */
  readonly observing?: string;
  /** Why the last attempt to start it came to nothing. */
  readonly refused?: string;
}

export type GuardName =
  | "nothing-to-go-back-to"
  | "known-bad"
  | "cool-down"
  | "second-trip"
  | "running"
  | "unfinished"
  | "no-change"
  | "too-many"
  | "observing"
  | "refused"
  | "not-measured";

/** One reason why nothing may roll back by itself now. */
export interface Held {
  readonly guard: GuardName;
  readonly why: string;
}

const minutes = (ms: number): string =>
  ms < 60_000 ? `${Math.max(0, Math.round(ms / 1_000))} s` : `${Math.round(ms / 60_000)} min`;

/** Everything that stands against a rollback by this scenario starting by itself. */
export function heldBy(
  guards: Guards,
  scenario: string,
  evidence: readonly TriggerStatus[],
  /** Triggers to which no measurement is as good as a bad one: `no_data: fail`. */
  byRule: ReadonlySet<string>,
  now: number,
): Held[] {
  const { running, unfinished, last, coolDownMs, today, perDay, blocked, observing, refused } = guards;
  const held: Held[] = [];
  const hold = (guard: GuardName, why: string | undefined) => {
    if (why !== undefined) held.push({ guard, why });
  };
  hold("observing", observing);
  if (running !== undefined) hold("running", `the rollback ${running} is running`);
  else if (unfinished !== undefined)
    hold("unfinished", `the rollback ${unfinished} is not finished: backout resume, or backout cancel`);
  if (last !== undefined && now < last.endedAt + coolDownMs) {
    const again = evidence.find(({ state, since }) => state === "firing" && (since ?? 0) > last.endedAt);
    const until = new Date(last.endedAt + coolDownMs).toISOString();
    if (again === undefined)
      hold("cool-down", `a rollback ended a short while ago (${last.run}): cool-down until ${until}`);
    else {
      const after = minutes((again.since ?? now) - last.endedAt);
      const fact = `"${again.trigger}" fired again ${after} after ${last.run} ("${last.scenario}") had ended`;
      hold("second-trip", `${fact}: it did not mend it, and the cool-down lasts until ${until}`);
    }
  }
  if (today >= perDay) {
    hold("too-many", `there were ${today} rollbacks within 24 hours, and watch.perDay allows ${perDay}`);
  }
  hold("refused", refused);
  const stale = evidence.find(({ state, noData }) => state === "firing" && noData !== undefined);
  if (stale !== undefined && !byRule.has(stale.trigger))
    hold("not-measured", `"${stale.trigger}" fires on what was measured before: ${stale.noData}`);
  const way = blocked[scenario];
  return way === undefined ? held : [...held, way];
}
