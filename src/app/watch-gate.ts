import type { Playbook } from "../core/playbook/playbook.js";
import { staleAfter } from "../core/signal/sample.js";
import type { Verdict } from "../core/signal/verdict.js";
import type { Judgement } from "./watch-judgement.js";

/** How bad it was, and whether the time that a watch was given is over. */
export interface WatchGate {
  /** `awaiting`: a signal is still to be read for the first time. */
  pass(judgement: Judgement, awaiting: boolean): void;
  isOver(passed: number, awaiting: boolean): boolean;
  last(): Judgement | undefined;
  /** What was never read stayed unknown. */
  worst(awaiting: boolean): Verdict["level"];
}

/** `forMs`: milliseconds, and as long as what is pending then needs to fire or not; without it, it is never over. */
export function watchGate({ signals }: Pick<Playbook, "signals">, forMs: number | undefined): WatchGate {
  /** By then every source has answered for the first time, or never will. */
  const firstReading = Math.max(0, ...Object.values(signals).map(staleAfter));
  let level: Verdict["level"] = "GREEN";
  let last: Judgement | undefined;
  return {
    pass(judgement, awaiting) {
      last = judgement;
      // Until every signal has been read for the first time, not knowing is no finding.
      if (awaiting && judgement.verdict.level === "UNKNOWN") return;
      level = worse(level, judgement.verdict.level);
    },
    isOver(passed, awaiting) {
      if (forMs === undefined || passed < forMs) return false;
      if (awaiting && passed < forMs + firstReading) return false;
      const pending = (last?.statuses ?? []).filter(
        ({ state, level: of }) => state === "pending" && of !== "GREEN",
      );
      // What flaps for ever must not hold a pipeline up for ever.
      const longest = Math.max(0, ...pending.map(({ for: needed }) => needed));
      return passed >= forMs + longest;
    },
    last: () => last,
    worst: (awaiting) => (awaiting ? worse(level, "UNKNOWN") : level),
  };
}

const ranks = ["GREEN", "UNKNOWN", "YELLOW", "RED"] as const;
const worse = (a: Verdict["level"], b: Verdict["level"]): Verdict["level"] =>
  ranks.indexOf(b) > ranks.indexOf(a) ? b : a;
