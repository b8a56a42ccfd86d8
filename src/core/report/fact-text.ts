import type { Fact } from "../run/fact.js";
import { durationText } from "./measures.js";
import { plainText } from "./plain-text.js";

/** A fact in words, the same in the live view, the history and the report. */
export interface FactText {
  /** The step's id, or `run`. */
  readonly subject: string;
  readonly text: string;
  readonly tone: "plain" | "good" | "warn" | "bad";
  readonly hint?: string;
}

const endings = {
  verified: "finished: rolled back and verified",
  unverified: "finished: rolled back, but not verified",
  failed: "failed: nothing was changed",
  cancelled: "finished: cancelled",
} as const;

const aborts = {
  timeout: "told to end: its time is over",
  cancelled: "told to end: the run is cancelled",
  deadline: "told to end: the time for the whole run is over",
} as const;

const settlements = {
  applied: "looked: it has happened",
  "not-applied": "looked: it has not happened",
  partial: "looked: it has happened in part",
  unknown: "looked: not known what happened",
} as const;

export function factText(fact: Fact): FactText {
  const subject = "step" in fact && fact.type.startsWith("step.") ? plainText(fact.step ?? "") : "run";
  const { text, tone = "plain", hint } = describe(fact);
  return { subject, text: plainText(text), tone, ...(hint === undefined ? {} : { hint: plainText(hint) }) };
}

function describe(fact: Fact): { text: string; tone?: FactText["tone"]; hint?: string | undefined } {
  switch (fact.type) {
    case "run.requested":
      return { text: `requested by ${fact.actor}${after(fact.reason)}` };
    case "run.owned":
      return { text: `executed by process ${fact.owner.pid} on ${fact.owner.host}` };
    case "run.cancel-requested":
      return { text: `cancelled by ${fact.actor}${after(fact.reason)}`, tone: "warn" };
    case "run.stopped":
      return {
        text: `STOPPED${fact.step === undefined ? "" : ` at ${fact.step}`}${after(fact.message)}`,
        tone: "bad",
      };
    case "run.finished":
      return {
        text: `${endings[fact.outcome]}${after(fact.message)}`,
        tone: fact.outcome === "verified" ? "good" : fact.outcome === "unverified" ? "warn" : "bad",
      };
    case "step.started":
      return { text: `started${fact.attempt > 1 ? `, attempt ${fact.attempt}` : ""}` };
    case "step.succeeded":
      return {
        text: `done in ${durationText(fact.ms)}${after(fact.summary)}`,
        tone: "good",
      };
    case "step.failed":
      return {
        text: `FAILED after ${durationText(fact.ms)}${after(fact.message)}`,
        tone: "bad",
        hint: fact.hint,
      };
    case "step.aborted":
      return { text: aborts[fact.why], tone: "warn" };
    case "step.settled":
      return {
        text: `${settlements[fact.state]}${after(fact.summary)}`,
        tone: fact.state === "applied" ? "good" : "warn",
      };
    case "step.retried":
      return { text: `${fact.actor} lets it try again${after(fact.reason)}`, tone: "warn" };
    case "step.skipped":
      return { text: `${fact.actor} goes on without it${after(fact.reason)}`, tone: "warn" };
  }
}

const after = (text: string | undefined): string => (text === undefined || text === "" ? "" : `: ${text}`);
