import { decide, type Guards, type Recommendation } from "../core/decision/decide.js";
import type { JsonObject } from "../core/json.js";
import type { Sample } from "../core/signal/sample.js";
import type { SourceHealth } from "../core/signal/source-health.js";
import { triggerJudge } from "../core/signal/trigger-judge.js";
import type { TriggerStatus } from "../core/signal/trigger-state.js";
import { type Verdict, verdict } from "../core/signal/verdict.js";
import { readSignals } from "../engine/read-signals.js";
import { knownBaselines } from "./baselines.js";
import type { CallEvents } from "./driver-call.js";
import { type FoundRun, lastRun } from "./find-run.js";
import { runningRun } from "./run-lease.js";
import type { Services } from "./services.js";
import { signalSources } from "./signal-sources.js";

export interface Judgement {
  readonly at: number;
  readonly verdict: Verdict;
  readonly statuses: readonly TriggerStatus[];
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
  const sources = await signalSources(services, request);
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
  const guards = new GuardWatch(services);
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
const starts = ({ scenarios }: Services["playbook"], { mode, asked, scenario }: Recommendation): boolean =>
  mode === "auto" || (asked === "approve" && scenarios[scenario]?.approval !== undefined);

async function judge(
  playbook: Services["playbook"],
  statuses: readonly TriggerStatus[],
  guards: GuardWatch,
  now: number,
): Promise<Omit<Judgement, "sourceHealth">> {
  const judged = verdict(statuses);
  const { guard, mutedUntil } = await guards.now(now);
  const recommendation = decide({ rules: playbook.decisions, statuses, verdict: judged, guards: guard, now });
  return {
    at: now,
    verdict: judged,
    statuses,
    recommendation,
    ...(mutedUntil === undefined ? {} : { mutedUntil }),
  };
}

interface Guarded {
  readonly at: number;
  readonly guard: Guards;
  readonly mutedUntil?: number;
  /** When the last rollback ended. */
  readonly rolledBackAt: number | undefined;
}

/** What stands against acting, looked up at most once a second. */
class GuardWatch {
  private readonly services: Services;
  private known: Guarded | undefined;

  constructor(services: Services) {
    this.services = services;
  }

  async now(now: number): Promise<Guarded> {
    if (this.known === undefined || now - this.known.at >= 1_000) this.known = await this.look(now);
    return this.known;
  }

  private async look(now: number) {
    const { checkpoints, playbook } = this.services;
    const { system, environment, watch } = playbook;
    const { checkpoints: all } = await checkpoints.list({ system, environment });
    const ended = (await lastRun(this.services))?.state.endedAt;
    const running = await runningRun(this.services);
    const mutedUntil = ended === undefined ? undefined : ended + watch.mute;
    const guard: Guards = {
      checkpoint: all.length > 0,
      ...(running === undefined ? {} : { running }),
      ...(ended === undefined ? {} : { coolDownUntil: ended + watch.cooldown }),
    };
    return {
      at: now,
      guard,
      rolledBackAt: ended,
      ...(mutedUntil !== undefined && mutedUntil > now ? { mutedUntil } : {}),
    };
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
