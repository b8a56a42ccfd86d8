import { type Decision, decide, type Recommendation } from "../core/decision/decide.js";
import { type Incident, incidentAt } from "../core/decision/incident.js";
import { BackoutError } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import type { WatchStore } from "../core/ports.js";
import { type Sample, staleAfter } from "../core/signal/sample.js";
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
import { triggerFacts } from "./trigger-facts.js";
import { guardWatch } from "./watch-guards.js";
import { onlyLooking, watchLease } from "./watch-lease.js";
import { watchMemory } from "./watch-memory.js";
import { clockText } from "./watch-notice.js";

export interface Judgement {
  readonly at: number;
  readonly verdict: Verdict;
  readonly statuses: readonly TriggerStatus[];
  readonly decision: Decision;
  readonly recommendation: Recommendation | undefined;
  /** What is open while the verdict is RED or YELLOW. */
  readonly incident?: Incident;
  /** Of every signal that was asked already. */
  readonly sourceHealth: readonly SourceHealth[];
  /** After a rollback: until when triggers are not acted upon, since it may itself have disturbed them. */
  readonly mutedUntil?: number;
}

/** Something about the watch itself: its clock, its state, who else watches, an attempt that was refused. */
export interface WatchNotice {
  readonly at: number;
  readonly text: string;
}

export interface WatchRequest extends CallEvents {
  /** The change that has just been rolled out: its checkpoint's baselines count. */
  readonly change?: string | undefined;
  /** Watch for so long, milliseconds, and until what is pending then has fired or not. Default: until aborted. */
  readonly forMs?: number | undefined;
  /** Only looks: starts nothing, and leaves it to others to remember. */
  readonly looksOnly?: boolean | undefined;
  /** Goes on after a rollback. */
  readonly stays?: boolean | undefined;
  /** Keeps what is remembered of the triggers over a restart. */
  readonly store?: WatchStore | undefined;
  readonly onSample?: (sample: Sample) => void;
  readonly onJudgement?: (judgement: Judgement) => void;
  readonly onNotice?: (notice: WatchNotice) => void;
  /** Decides in mode `auto`, or `approve` where the scenario names who approves; its return ends the watch. `undefined` goes on watching. */
  readonly act: (recommendation: Recommendation, trigger: JsonObject) => Promise<FoundRun | undefined>;
}

export interface WatchEnd {
  readonly worst: Verdict["level"];
  readonly last: Judgement | undefined;
  readonly run: FoundRun | undefined;
}

/** How often the triggers are judged without a new sample, so that a `for` ends on time. Milliseconds. */
const judgeEvery = 100;
/** Samples that come at once are judged at once. */
const gatherMs = 10;
/** What was refused is not tried again at once: somebody has to mend it first. */
const retryAfter = 60_000;

/** Reads the playbook's signals and judges them until something is done about it, the time is over, or it is aborted. */
export async function watchSystem(services: Services, request: WatchRequest): Promise<WatchEnd> {
  const { playbook, clock } = services;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const say = (text: string): void => request.onNotice?.({ at: clock.now(), text: services.redact(text) });
  const lease = request.looksOnly === true ? onlyLooking : await watchLease(services, say);
  const memory = request.store === undefined ? undefined : watchMemory(request.store, clock, say);
  const triggers = triggerJudge(playbook, await memory?.load(), {
    baselines: await knownBaselines(services, request.change),
    afresh: true,
  });
  const guards = guardWatch(services, request.change, () => lease.observing());
  const fresh: Sample[] = [];
  let wake = (): void => {};
  const health = new Map<string, SourceHealth>();
  const reading = readSignals(
    await signalSources(services, request, undefined, signal),
    clock,
    (sample) => {
      fresh.push(sample);
      request.onSample?.(sample);
      wake();
    },
    signal,
    (one) => void health.set(one.source, one),
  );
  const unread = new Set(Object.keys(playbook.signals));
  /** By then every source has answered for the first time, or never will. */
  const firstReading = Math.max(0, ...Object.values(playbook.signals).map(staleAfter));
  const begun = clock.monotonic();
  let end: WatchEnd = { worst: "GREEN", last: undefined, run: undefined };
  let refused: { readonly until: number; readonly why: string } | undefined;

  const isOver = (): boolean => {
    const { forMs } = request;
    const passed = clock.monotonic() - begun;
    if (forMs === undefined || passed < forMs) return false;
    if (unread.size > 0 && passed < forMs + firstReading) return false;
    const pending = (end.last?.statuses ?? []).filter(
      ({ state, level }) => state === "pending" && level !== "GREEN",
    );
    // What flaps for ever must not hold a pipeline up for ever.
    const longest = Math.max(0, ...pending.map(({ for: needed }) => needed));
    return passed >= forMs + longest;
  };
  const nap = async (): Promise<void> => {
    const woken = new Promise<void>((done) => {
      wake = done;
    });
    if (fresh.length === 0) await Promise.race([woken, clock.sleep(judgeEvery, signal).catch(() => {})]);
    await clock.sleep(gatherMs, signal).catch(() => {});
  };

  try {
    while (!signal.aborted && !isOver()) {
      const now = clock.now();
      const samples = fresh.splice(0);
      for (const { signal: name } of samples) unread.delete(name);
      const { guards: known, rolledBackAt, mutedUntil, change } = await guards.now(now);
      const notice = triggers.judge(samples, { now, monotonic: clock.monotonic(), rolledBackAt });
      if (notice !== undefined) say(clockText(notice));
      if (refused !== undefined && clock.monotonic() >= refused.until) refused = undefined;
      const statuses = triggers.statuses();
      const held = refused === undefined ? known : { ...known, refused: refused.why };
      const decision = decide({ rules: playbook, statuses, change, guards: held, now });
      const { recommendation } = decision;
      const scenario = playbook.scenarios[recommendation?.scenario ?? ""];
      const incident = incidentAt(decision.verdict, end.last?.incident, scenario, now);
      const judgement: Judgement = {
        at: now,
        verdict: decision.verdict,
        statuses,
        decision,
        recommendation,
        ...(incident === undefined ? {} : { incident }),
        sourceHealth: [...health.values()],
        ...(mutedUntil === undefined ? {} : { mutedUntil }),
      };
      // Until every signal has been read for the first time, not knowing is no finding.
      const early = unread.size > 0 && decision.verdict.level === "UNKNOWN";
      const worst = early ? end.worst : worse(end.worst, decision.verdict.level);
      end = { ...end, worst, last: judgement };
      if (lease.observing() === undefined) memory?.save(triggers.state());
      request.onJudgement?.(judgement);
      if (recommendation !== undefined && starts(playbook, recommendation) && mutedUntil === undefined) {
        const run = await attempt(recommendation, judgement);
        guards.forget();
        if (run !== undefined) end = { ...end, run };
        if (run !== undefined && request.stays !== true) return end;
      }
      await nap();
    }
  } finally {
    stop.abort();
    await reading;
    await memory?.done();
    await lease.end();
  }
  return unread.size === 0 ? end : { ...end, worst: worse(end.worst, "UNKNOWN") };

  /** A rollback that cannot start does not end the watch: it is said, and tried again later. */
  async function attempt(
    recommendation: Recommendation,
    judgement: Judgement,
  ): Promise<FoundRun | undefined> {
    try {
      return await request.act(recommendation, triggerFacts(playbook, judgement, recommendation));
    } catch (error) {
      const expected =
        error instanceof BackoutError && error.effect === "none" && error.code !== "INTERRUPTED";
      if (!expected || request.signal.aborted) throw error;
      const hint = error.hint === undefined ? "" : ` (${error.hint})`;
      const why = `"${recommendation.scenario}" could not be started: ${error.message}${hint}`;
      say(why);
      refused = { until: clock.monotonic() + retryAfter, why };
      return undefined;
    }
  }
}

/** By itself or, where somebody has to agree before anything moves, also in mode `approve`: the run waits for them. */
const starts = (
  { scenarios }: Services["playbook"],
  { mode, asked, scenario, held }: Recommendation,
): boolean =>
  mode === "auto" ||
  (asked === "approve" && held.length === 0 && scenarios[scenario]?.approval !== undefined);

const ranks = ["GREEN", "UNKNOWN", "YELLOW", "RED"] as const;
const worse = (a: Verdict["level"], b: Verdict["level"]): Verdict["level"] =>
  ranks.indexOf(b) > ranks.indexOf(a) ? b : a;
