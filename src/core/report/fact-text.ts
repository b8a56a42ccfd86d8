import type { ProcessIdentity } from "../ports.js";
import type { Fact, FactOf } from "../run/fact.js";
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
  "line-stopped": "told to end: another step failed",
} as const;

const takeovers = { dead: "which is dead", expired: "which had let its lease expire" } as const;

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
      return owned(fact);
    case "run.approved":
      return { text: `approved by ${fact.actor} as ${fact.role}${after(fact.reason)}`, tone: "good" };
    case "run.paused":
      return { text: `paused by ${fact.actor}${after(fact.reason)}`, tone: "warn" };
    case "run.continued":
      return { text: `continued by ${fact.actor}${after(fact.reason)}` };
    case "timer.fired": {
      const late = fact.lateMs < noticed ? "" : ` (${durationText(fact.lateMs)} late)`;
      return {
        text: `escalated${fact.to === undefined ? "" : ` to ${fact.to}`}${late}: ${fact.say}`,
        tone: "warn",
      };
    }
    case "step.process":
      return { text: `runs process ${fact.process.pid} on ${fact.process.host}` };
    case "step.reaped":
      return reaped(fact);
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

/** A timer that fires within this long of its time is not called late. Milliseconds. */
const noticed = 2_000;

function owned({ owner, from }: FactOf<"run.owned">): { text: string; tone?: FactText["tone"] } {
  const text = `executed by process ${owner.pid} on ${owner.host}`;
  if (from === undefined) return { text };
  const former = `process ${from.owner.pid} on ${from.owner.host}`;
  const why = from.why === "told" ? ` as told by ${from.by ?? "a person"}` : `, ${takeovers[from.why]}`;
  return { text: `${text}, taken over from ${former}${why}`, tone: "warn" };
}

function reaped({ ended, left }: FactOf<"step.reaped">): { text: string; tone: FactText["tone"] } {
  const list = (all: readonly ProcessIdentity[]): string =>
    all.map(({ pid, host }) => `process ${pid} on ${host}`).join(", ");
  const parts = [
    ...(ended.length === 0 ? [] : [`ended what the former owner had left: ${list(ended)}`]),
    ...(left.length === 0 ? [] : [`could not end ${list(left)}`]),
  ];
  return { text: parts.join("; "), tone: left.length > 0 ? "bad" : "warn" };
}

const after = (text: string | undefined): string => (text === undefined || text === "" ? "" : `: ${text}`);
