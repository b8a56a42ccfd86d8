import type { Recommendation } from "../core/decision/decide.js";
import { BackoutError } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import type { FoundRun } from "./find-run.js";
import type { Services } from "./services.js";
import { triggerFacts } from "./trigger-facts.js";
import type { Judgement } from "./watch-judgement.js";

export type Act = (recommendation: Recommendation, trigger: JsonObject) => Promise<FoundRun | undefined>;

/** What a watch tries by itself. */
export interface WatchAttempts {
  /** Why the last one could not begin, for a while. */
  refused(): string | undefined;
  /** The run that was made; nothing where there is nothing to be done, or it could not begin. */
  attempt(judgement: Judgement): Promise<FoundRun | undefined>;
}

/** What was refused is not tried again at once: somebody has to mend it first. */
const retryAfter = 60_000;

/** A rollback that cannot start does not end the watch: it is said, and tried again later. */
export function watchAttempts(
  { playbook, clock }: Services,
  act: Act,
  interrupt: AbortSignal,
  say: (text: string) => void,
): WatchAttempts {
  let refused: { readonly until: number; readonly why: string } | undefined;
  return {
    refused() {
      if (refused !== undefined && clock.monotonic() >= refused.until) refused = undefined;
      return refused?.why;
    },
    async attempt(judgement) {
      const { recommendation, mutedUntil } = judgement;
      if (recommendation === undefined || mutedUntil !== undefined || !starts(playbook, recommendation))
        return undefined;
      try {
        return await act(recommendation, triggerFacts(playbook, judgement, recommendation));
      } catch (error) {
        const expected =
          error instanceof BackoutError && error.effect === "none" && error.code !== "INTERRUPTED";
        if (!expected || interrupt.aborted) throw error;
        const hint = error.hint === undefined ? "" : ` (${error.hint})`;
        const why = `"${recommendation.scenario}" could not be started: ${error.message}${hint}`;
        say(why);
        refused = { until: clock.monotonic() + retryAfter, why };
        return undefined;
      }
    },
  };
}

/** By itself or, where somebody has to agree before anything moves, also in mode `approve`: the run waits for them. */
const starts = (
  { scenarios }: Services["playbook"],
  { mode, asked, scenario, held }: Recommendation,
): boolean =>
  mode === "auto" ||
  (asked === "approve" && held.length === 0 && scenarios[scenario]?.approval !== undefined);
