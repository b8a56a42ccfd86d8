import type { Judgement } from "../../app/watch-judgement.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Sample } from "../../core/signal/sample.js";
import type { TriggerStatus } from "../../core/signal/trigger-state.js";
import type { VerdictLevel } from "../../core/signal/verdict.js";
import type { Paint, Palette } from "./colour.js";
import { clockText, durationText, listText } from "./format.js";
import { incidentChanges } from "./incident-text.js";
import { sourceChange } from "./source-text.js";
import { valueText } from "./sparkline.js";

export interface WatchEvent {
  readonly at: number;
  readonly about: "verdict" | "trigger" | "decision" | "incident" | "source" | "watch";
  readonly text: string;
  readonly level: VerdictLevel;
}

/** What is other than it was a moment ago. The first judgement tells its verdict. */
export function watchEvents(before: Judgement | undefined, after: Judgement): WatchEvent[] {
  const { at, verdict, statuses } = after;
  const events: WatchEvent[] = statuses.flatMap((status) => {
    const was = before?.statuses.find(({ trigger }) => trigger === status.trigger)?.state ?? "inactive";
    if (was === status.state || before === undefined) return [];
    return [
      {
        at,
        about: "trigger",
        level: status.level,
        text: `${status.trigger} ${was} → ${changeText(status)}`,
      },
    ];
  });
  for (const health of after.sourceHealth) {
    const was = before?.sourceHealth.find(({ source }) => source === health.source);
    const text = was === health ? undefined : sourceChange(was, health);
    if (text !== undefined) events.push({ at, about: "source", level: "UNKNOWN", text });
  }
  if (before?.verdict.level !== verdict.level) {
    const why = verdict.level === "GREEN" ? "" : `: ${listText(verdict.evidence.map(evidenceText))}`;
    events.push({ at, about: "verdict", level: verdict.level, text: `${verdict.level}${why}` });
  }
  for (const text of incidentChanges(before?.incident, after.incident, at))
    events.push({ at, about: "incident", level: verdict.level, text });
  const decision = decisionText(after);
  if (decision !== "" && decisionOf(before) !== decisionOf(after))
    events.push({ at, about: "decision", level: verdict.level, text: decision });
  return events.map((event) => ({ ...event, text: plainText(event.text) }));
}

/** What does not change from one moment to the next: reasons have times in them. */
function decisionOf(judgement: Judgement | undefined): string {
  const { recommendation: made, question, say } = judgement?.decision ?? {};
  if (made === undefined) return question?.name ?? say?.text ?? "";
  const held = made.held.map(({ guard }) => guard).join(" ");
  return `${made.scenario} ${made.mode} ${held} ${judgement?.mutedUntil !== undefined}`;
}

export function decisionText({ decision, mutedUntil }: Judgement): string {
  const { recommendation: made, question, say } = decision;
  if (question !== undefined) return `a person has to say first: ${question.ask} backout decide`;
  if (say !== undefined) return `no rollback: ${say.text} (${say.why})`;
  if (made === undefined) return "";
  const words = {
    auto: `roll back by "${made.scenario}" by itself`,
    approve: `roll back by "${made.scenario}": needs a person, backout rollback ${made.scenario}`,
    advise: `advised: backout rollback ${made.scenario}`,
  }[made.mode];
  const held = made.held.length === 0 ? "" : `, since ${listText(made.held.map(({ why }) => why))}`;
  const muted =
    mutedUntil === undefined ? "" : `, not before ${clockText(mutedUntil)} (muted after a rollback)`;
  const because = made.because === undefined ? "" : `; ${made.because}`;
  return `${words}${held}${muted} (${made.why}${because})`;
}

/** A trigger with what it was judged on. */
export function evidenceText({ trigger, noData, samples }: TriggerStatus): string {
  if (noData !== undefined) return `${trigger} (${noData})`;
  const values = samples.flatMap(({ signal, value, unit }) =>
    value === undefined ? [] : [`${signal} ${valueText(value, unit)}`],
  );
  return values.length === 0 ? trigger : `${trigger} (${values.join(", ")})`;
}

const changeText = (status: TriggerStatus): string =>
  status.state === "pending" ? `pending, fires after ${durationText(status.for)}` : stateText(status, 0);

/** `pending, 12 s of 30 s`. */
export function stateText({ state, since, for: needed, noData }: TriggerStatus, now: number): string {
  if (state === "pending" && since !== undefined) {
    return `pending, ${durationText(Math.floor(Math.max(0, now - since) / 1000) * 1000)} of ${durationText(needed)}`;
  }
  if (state === "firing") return noData === undefined ? "firing" : "firing, no data";
  if (state === "unknown") return "could not measure";
  return noData === undefined ? "inactive" : "no data, ignored";
}

export function levelPaint(level: VerdictLevel, paint: Palette): Paint {
  return { RED: paint.bad, YELLOW: paint.warn, UNKNOWN: paint.warn, GREEN: paint.good }[level];
}

export const sampleText = (sample: Sample | undefined): string =>
  sample === undefined
    ? "not yet"
    : sample.value === undefined
      ? "could not measure"
      : valueText(sample.value, sample.unit);
