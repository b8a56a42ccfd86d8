import type { Checkpoint } from "../core/checkpoint/manifest.js";
import type { Guards, Held } from "../core/decision/guards.js";
import type { ScenarioDefinition } from "../core/playbook/playbook.js";
import { type FoundRun, loadRun } from "./find-run.js";
import { knownBad } from "./known-bad.js";
import { runningRun } from "./run-lease.js";
import type { Services } from "./services.js";

export interface WatchGuards {
  readonly guards: Guards;
  /** After a rollback: until when triggers are not acted upon, since it may itself have disturbed them. */
  readonly mutedUntil?: number;
  /** When the last rollback ended. */
  readonly rolledBackAt?: number;
  /** Name of the change that is out, where it is known. */
  readonly change?: string;
}

const dayMs = 86_400_000;
const moved = ["verified", "unverified"];

/** What stands against a rollback starting by itself, as the journal and the checkpoints have it now. */
export async function lookForGuards(services: Services, given?: string): Promise<WatchGuards> {
  const { checkpoints: store, playbook, clock } = services;
  const { system, environment, watch } = playbook;
  const { checkpoints } = await store.list({ system, environment });
  const running = await runningRun(services);
  const past = await recentRuns(services, clock.now() - Math.max(dayMs, watch.cooldown));
  const last = past.at(-1);
  const ended = past.findLast(({ state }) => state.endedAt !== undefined);
  const endedAt = ended?.state.endedAt;
  const target =
    checkpoints.findLast(({ change }) => given !== undefined && change === given) ?? checkpoints.at(-1);
  const back = past.findLast(({ state }) => state.outcome === "verified");
  const blocked = await blockedWays(services, target, nothingOut(back, given, target));
  const change = given ?? target?.change;
  const mutedUntil = endedAt === undefined ? undefined : endedAt + watch.mute;
  return {
    guards: {
      coolDownMs: watch.cooldown,
      today: past.filter(({ state }) => moved.includes(state.outcome ?? "") && isToday(state, clock.now()))
        .length,
      perDay: watch.perDay ?? Number.POSITIVE_INFINITY,
      blocked,
      ...(running === undefined ? {} : { running }),
      ...(last === undefined || last.state.status === "finished" ? {} : { unfinished: last.run.id }),
      ...(ended === undefined || endedAt === undefined
        ? {}
        : { last: { run: ended.run.id, scenario: ended.run.plan.scenario, endedAt } }),
    },
    ...(mutedUntil !== undefined && mutedUntil > clock.now() ? { mutedUntil } : {}),
    ...(endedAt === undefined ? {} : { rolledBackAt: endedAt }),
    ...(change === undefined ? {} : { change }),
  };
}

const isToday = ({ endedAt }: FoundRun["state"], now: number): boolean =>
  endedAt !== undefined && endedAt > now - dayMs;

/** Oldest first: the newest run, and those before it as long as they ended after `since`. */
async function recentRuns(services: Services, since: number): Promise<FoundRun[]> {
  const { journal, playbook } = services;
  const recent: FoundRun[] = [];
  for (const id of (await journal.runIds(playbook.system, playbook.environment)).toReversed()) {
    const found = await loadRun(services, id);
    if (recent.length > 0 && (found.state.endedAt ?? Number.POSITIVE_INFINITY) < since) break;
    recent.unshift(found);
  }
  return recent;
}

/** Why no change can be at fault: the last rollback took it away, and none was prepared since. */
function nothingOut(
  back: FoundRun | undefined,
  given: string | undefined,
  target: Checkpoint | undefined,
): string | undefined {
  const endedAt = back?.state.endedAt;
  if (back === undefined || endedAt === undefined || target === undefined) return undefined;
  const { undoes, change } = back.run.plan;
  if (undoes !== undefined || target.at > endedAt) return undefined;
  if (given !== undefined && given !== change) return undefined;
  const what = given === undefined ? "no change is out" : `"${given}" is not out`;
  return `${what} since ${back.run.id} rolled back: this is an outage, and not for a rollback to mend`;
}

/** Scenarios that have nowhere to go, each with the first reason. */
async function blockedWays(
  services: Services,
  target: Checkpoint | undefined,
  noChange: string | undefined,
): Promise<Record<string, Held>> {
  const bad = target === undefined ? [] : await knownBad(services);
  const blockOf = ({ restore }: ScenarioDefinition): Held | undefined => {
    if (restore.length === 0) return undefined;
    if (target === undefined)
      return { guard: "nothing-to-go-back-to", why: "there is no checkpoint to go back to" };
    const missing = restore.find((name) => target.parts[name] === undefined);
    if (missing !== undefined) {
      return {
        guard: "nothing-to-go-back-to",
        why: `checkpoint "${target.id}" has no part for "${missing}"`,
      };
    }
    const known = restore.find((name) =>
      bad.some(({ target: of, identity }) => of === name && identity === target.parts[name]?.identity),
    );
    if (known !== undefined) {
      const why = `checkpoint "${target.id}" goes back to a "${known}" that is known to be bad`;
      return { guard: "known-bad", why };
    }
    return noChange === undefined ? undefined : { guard: "no-change", why: noChange };
  };
  return Object.fromEntries(
    Object.entries(services.playbook.scenarios).flatMap(([name, scenario]) => {
      const held = blockOf(scenario);
      return held === undefined ? [] : [[name, held]];
    }),
  );
}

export interface GuardWatch {
  now(at: number): Promise<WatchGuards>;
  /** Something has just been done: what is known is out of date. */
  forget(): void;
}

/** Looked up at most once a second. */
export function guardWatch(
  services: Services,
  change: string | undefined,
  observing: () => string | undefined,
): GuardWatch {
  let known: (WatchGuards & { readonly at: number }) | undefined;
  return {
    async now(at) {
      if (known === undefined || Math.abs(at - known.at) >= 1_000)
        known = { ...(await lookForGuards(services, change)), at };
      const why = observing();
      return why === undefined ? known : { ...known, guards: { ...known.guards, observing: why } };
    },
    forget() {
      known = undefined;
    },
  };
}
