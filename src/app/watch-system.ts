import { type Decision, decide, type Recommendation } from "../core/decision/decide.js";
import type { JsonObject } from "../core/json.js";
import type { Sample } from "../core/signal/sample.js";
import type { SourceHealth } from "../core/signal/source-health.js";
import { triggerJudge } from "../core/signal/trigger-judge.js";
import type { TriggerStatus } from "../core/signal/trigger-state.js";
import type { Verdict } from "../core/signal/verdict.js";
import { readSignals } from "../engine/read-signals.js";
import { knownBaselines } from "./baselines.js";
import type { CallEvents } from "./driver-call.js";
import type { FoundRun } from "./find-run.js";
import type { Services } from "./services.js";
import { signalSources } from "./signal-sources.js";
import { lookForGuards, type WatchGuards } from "./watch-guards.js";

export interface Judgement {
  readonly at: number;
  readonly verdict: Verdict;
  readonly statuses: readonly TriggerStatus[];
  readonly decision: Decision;
  readonly recommendation: Recommendation | undefined;
  /** Of every signal that was asked already. */
  readonly sourceHealth: readonly SourceHealth[];
  /** After a rollback: until when triggers are not acted upon, since it may itself have disturbed them. */
  readonly mutedUntil?: number;
}

export interface WatchRequest extends CallEvents {
  /** The change that has just been rolled out: its checkpoint's baselines count. */
  readonly change?: string | undefined;
  /** Watch for so long, milliseconds. Default: until aborted. */
  readonly forMs?: number | undefined;
  readonly onSample?: (sample: Sample) => void;
  readonly onJudgement?: (judgement: Judgement) => void;
  /** Decides in mode `auto`, or `approve` where the scenario names who approves; its return ends the watch. `undefined` goes on watching. */
  readonly act: (recommendation: Recommendation, trigger: JsonObject) => Promise<FoundRun | undefined>;
}

export interface WatchEnd {
  readonly worst: Verdict["level"];
  readonly last: Judgement | undefined;
  readonly run: FoundRun | undefined;
}

/** How often the triggers are judged between samples, so that a `for` ends on time. Milliseconds. */
const judgeEvery = 100;

/** Reads the playbook's signals and judges them until something is done about it, the time is over, or it is aborted. */
export async function watchSystem(services: Services, request: WatchRequest): Promise<WatchEnd> {
  const { playbook, clock } = services;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const fresh: Sample[] = [];
  const health = new Map<string, SourceHealth>();
  const sources = await signalSources(services, request, undefined, signal);
  const reading = readSignals(
    sources,
    clock,
    (sample) => {
      fresh.push(sample);
      request.onSample?.(sample);
    },
    signal,
    (one) => void health.set(one.source, one),
  );
  const ends = request.forMs === undefined ? undefined : clock.now() + request.forMs;
  const guards = new GuardWatch(services, request.change);
  const triggers = triggerJudge(playbook, undefined, {
    baselines: await knownBaselines(services, request.change),
  });
  const unread = new Set(Object.keys(playbook.signals));
  let end: WatchEnd = { worst: "GREEN", last: undefined, run: undefined };
  try {
    while (!signal.aborted && (ends === undefined || clock.now() < ends)) {
      const now = clock.now();
      const samples = fresh.splice(0);
      for (const { signal: name } of samples) unread.delete(name);
      const { rolledBackAt } = await guards.now(now);
      triggers.judge(samples, { now, monotonic: clock.monotonic(), rolledBackAt });
      const judged = await judge(playbook, triggers.statuses(), guards, now);
      const judgement = { ...judged, sourceHealth: [...health.values()] };
      // Until every signal has been read for the first time, not knowing is no finding.
      const early = unread.size > 0 && judgement.verdict.level === "UNKNOWN";
      end = {
        ...end,
        worst: early ? end.worst : worse(end.worst, judgement.verdict.level),
        last: judgement,
      };
      request.onJudgement?.(judgement);
      const { recommendation } = judgement;
      if (
        recommendation !== undefined &&
        starts(playbook, recommendation) &&
        judgement.mutedUntil === undefined
      ) {
        const run = await request.act(recommendation, triggerFacts(judgement, recommendation));
        if (run !== undefined) return { ...end, run };
      }
      await clock.sleep(judgeEvery, signal).catch(() => {});
    }
  } finally {
    stop.abort();
    await reading;
  }
  return unread.size === 0 ? end : { ...end, worst: worse(end.worst, "UNKNOWN") };
}

/** By itself or, where somebody has to agree before anything moves, also in mode `approve`: the run waits for them. */
const starts = (
  { scenarios }: Services["playbook"],
  { mode, asked, scenario, held }: Recommendation,
): boolean =>
  mode === "auto" ||
  (asked === "approve" && held.length === 0 && scenarios[scenario]?.approval !== undefined);

async function judge(
  playbook: Services["playbook"],
  statuses: readonly TriggerStatus[],
  guardWatch: GuardWatch,
  now: number,
): Promise<Omit<Judgement, "sourceHealth">> {
  const { guards, mutedUntil, change } = await guardWatch.now(now);
  const decision = decide({ rules: playbook, statuses, change, guards, now });
  return {
    at: now,
    verdict: decision.verdict,
    statuses,
    decision,
    recommendation: decision.recommendation,
    ...(mutedUntil === undefined ? {} : { mutedUntil }),
  };
}

/** What stands against acting, looked up at most once a second. */
class GuardWatch {
  private readonly services: Services;
  private readonly change: string | undefined;
  private known: (WatchGuards & { readonly at: number }) | undefined;

  constructor(services: Services, change: string | undefined) {
    this.services = services;
    this.change = change;
  }

  async now(now: number): Promise<WatchGuards> {
    if (this.known === undefined || Math.abs(now - this.known.at) >= 1_000)
      this.known = { ...(await lookForGuards(this.services, this.change)), at: now };
    return this.known;
  }
}

const ranks = ["GREEN", "UNKNOWN", "YELLOW", "RED"] as const;
const worse = (a: Verdict["level"], b: Verdict["level"]): Verdict["level"] =>
  ranks.indexOf(b) > ranks.indexOf(a) ? b : a;

/** What the report will show as the reason: plain data. */
function triggerFacts({ at, verdict: judged }: Judgement, recommendation: Recommendation): JsonObject {
  const firing = recommendation.evidence.filter(({ state }) => state === "firing");
  const began = firing.map((status) => (status.since ?? at) - status.for);
  return JSON.parse(
    JSON.stringify({
      at,
      since: Math.min(at, ...began),
      verdict: judged.level,
      why: recommendation.why,
      triggers: firing,
    }),
  ) as JsonObject;
}
