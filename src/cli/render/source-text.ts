import type { SourceHealth } from "../../core/signal/source-health.js";
import { countText, durationText } from "./format.js";

/** So many slow readings in a row are worth a word; a single one is not. */
const slowInARow = 3;

type Told = "fine" | "slow" | "failing" | "flapping";

function toldOf({ state, recent }: SourceHealth): Told {
  if (state === "failing" || state === "flapping") return state;
  const slow = recent.length >= slowInARow && recent.slice(-slowInARow).every((one) => one === "slow");
  return slow ? "slow" : "fine";
}

/** How the source of a signal is, where it is not well: for the line of the signal. */
export function sourceText(health: SourceHealth, now: number): string {
  const { since, lastError, nextAt, recent, ms = 0 } = health;
  const again = nextAt === undefined || nextAt <= now ? "" : `, asked again in ${whole(nextAt - now)}`;
  const why = lastError === undefined ? "" : `: ${lastError.message}`;
  switch (toldOf(health)) {
    case "failing":
      return `failing for ${whole(now - since)}${again}${why}`;
    case "flapping": {
      const failed = recent.filter((one) => one === "failed").length;
      return `flapping, ${countText(failed)} of the last ${countText(recent.length)} readings failed${again}${why}`;
    }
    case "slow":
      return `slow, ${durationText(ms)} for a reading`;
    case "fine":
      return "";
  }
}

/** What became of it; nothing where it is as it was. */
export function sourceChange(before: SourceHealth | undefined, after: SourceHealth): string | undefined {
  const [was, is] = [before === undefined ? "fine" : toldOf(before), toldOf(after)];
  if (was === is) return undefined;
  const { source, lastError, ms = 0 } = after;
  const hint = lastError?.hint === undefined ? "" : ` (${lastError.hint})`;
  const why = lastError === undefined ? "" : `: ${lastError.message}${hint}`;
  switch (is) {
    case "failing":
      return `${source}: its source gives no measurement${why}`;
    case "flapping":
      return `${source}: its source comes and goes${why}`;
    case "slow":
      return `${source}: its source is slow, ${durationText(ms)} for a reading`;
    case "fine":
      return `${source}: its source ${was === "slow" ? "is quick" : "answers"} again`;
  }
}

const whole = (ms: number): string => durationText(Math.floor(Math.max(0, ms) / 1_000) * 1_000);
