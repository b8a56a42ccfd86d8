import type { TargetDriver } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { Followable, FollowedEvent, FollowedLine, FollowedPart, Follower } from "../core/follow.js";
import { driverContext, loadTarget } from "./driver-call.js";
import { runInProgress, runningRun } from "./run-lease.js";
import type { Services } from "./services.js";

export interface FollowEvents {
  onState(target: string, parts: readonly FollowedPart[]): void;
  onEvent(target: string, event: FollowedEvent): void;
  onLine(target: string, line: FollowedLine): void;
  onMissing(target: string, what: Followable, why: string): void;
}

export interface FollowRequest extends FollowEvents {
  readonly signal: AbortSignal;
  /** One look at each is enough. */
  readonly once: boolean;
  /** For so long, whatever settles meanwhile. Else until all has settled and no run is executed any more. */
  readonly forMs: number | undefined;
}

/** `open`: something was still going on; `stuck`: something will not become what is wanted by itself. */
export type FollowEnd = "settled" | "stuck" | "open";

/** So often it is asked whether it is over, and for so long it must have been. Milliseconds. */
const lookMs = 250;
const calmMs = 2_000;
const longestLine = 2_000;

/** Tells what is seen of these targets, until the end that was asked for. Rejects where one of them may not be looked at. */
export async function followTargets(
  services: Services,
  targets: readonly string[],
  request: FollowRequest,
): Promise<FollowEnd> {
  await learnSecrets(services);
  const enough = new AbortController();
  const signal = AbortSignal.any([request.signal, enough.signal]);
  const seen = new Map<string, readonly FollowedPart[]>();
  const following = targets.map(async (name) => {
    const { driver, options } = await loadTarget(services, name);
    await driver.follow?.(
      options,
      driverContext(services, name, { signal }),
      followerOf(services, name, request, seen),
    );
  });
  const refused = new Promise<never>((_, reject) => {
    for (const one of following) one.catch(reject);
  });
  try {
    return await Promise.race([refused, ending(services, targets, request, seen)]);
  } finally {
    enough.abort();
    await Promise.allSettled(following);
  }
}

/** A program may write any secret of the system into its log, so all of them have to be known. */
async function learnSecrets({ playbook, resolve }: Services): Promise<void> {
  for (const kind of ["targets", "signals", "checks"] as const) {
    for (const [name, { with: options }] of Object.entries(playbook[kind])) {
      try {
        await resolve(options, `${kind}.${name}.with`);
      } catch (error) {
        // One that is not to be had here is no reason not to look; whoever needs it says so.
        if (!(error instanceof BackoutError)) throw error;
      }
    }
  }
}

/** What runs there is not ours: what it writes is told without the secrets that are known here. */
function followerOf(
  { redact }: Services,
  name: string,
  told: FollowEvents,
  seen: Map<string, readonly FollowedPart[]>,
): Follower {
  return {
    state: (parts) => {
      const plain = parts.map((part) => ({ ...part, summary: redact(part.summary) }));
      seen.set(name, plain);
      told.onState(name, plain);
    },
    event: (event) => told.onEvent(name, { ...event, text: redact(event.text) }),
    line: (line) => told.onLine(name, { ...line, text: redact(line.text).slice(0, longestLine) }),
    missing: (what, why) => told.onMissing(name, what, redact(why)),
  };
}

async function ending(
  services: Services,
  targets: readonly string[],
  { signal, once, forMs }: FollowRequest,
  seen: ReadonlyMap<string, readonly FollowedPart[]>,
): Promise<FollowEnd> {
  const { clock } = services;
  const begun = clock.monotonic();
  let calmSince: number | undefined;
  for (;;) {
    const whole = targets.every((name) => seen.has(name));
    const end = whole ? endOf([...seen.values()].flat()) : "open";
    const now = clock.monotonic();
    if (once && whole) return end;
    if (forMs !== undefined && now - begun >= forMs) return end;
    const calm = !once && forMs === undefined && end !== "open" && (await runningRun(services)) === undefined;
    calmSince = calm ? (calmSince ?? now) : undefined;
    if (calmSince !== undefined && now - calmSince >= calmMs) return end;
    await clock.sleep(lookMs, signal);
  }
}

function endOf(parts: readonly FollowedPart[]): FollowEnd {
  if (parts.some(({ state }) => state === "going")) return "open";
  return parts.some(({ state }) => state === "stuck") ? "stuck" : "settled";
}

/**
 * The targets or the scenario that were named. Else those of the run in progress, else those of the first scenario that has
 * any to follow.
 */
export async function chooseFollowed(services: Services, named: readonly string[]): Promise<string[]> {
  const { targets, scenarios } = services.playbook;
  if (named.length > 0) return chosen(services, named);
  const run = await runInProgress(services);
  const choices = Object.values(scenarios).map(({ restore, restart }) => [...restore, ...restart]);
  if (run !== undefined) choices.unshift(Object.keys(run.plan.targets));
  for (const names of choices) {
    const there = await followable(
      services,
      names.filter((name) => targets[name] !== undefined),
    );
    if (there.length > 0) return there;
  }
  throw new BackoutError("REFUSED", "no target of this playbook can be followed", {
    effect: "none",
    hint: "those of the driver kubernetes can; backout status shows a run",
  });
}

async function chosen(services: Services, named: readonly string[]): Promise<string[]> {
  const { targets, scenarios } = services.playbook;
  const names: string[] = [];
  for (const one of named) {
    const scenario = scenarios[one];
    if (targets[one] === undefined && scenario === undefined) {
      throw new BackoutError("NOT_FOUND", `there is no target or scenario "${one}"`, {
        effect: "none",
        hint: `known: ${[...Object.keys(targets), ...Object.keys(scenarios)].join(", ")}`,
      });
    }
    const wanted =
      targets[one] === undefined && scenario !== undefined
        ? [...scenario.restore, ...scenario.restart]
        : [one];
    const there = await followable(services, wanted);
    if (there.length === 0) throw unfollowable(services, one);
    names.push(...there);
  }
  return [...new Set(names)];
}

function unfollowable({ playbook }: Services, name: string): BackoutError {
  const driver = playbook.targets[name]?.driver;
  const fact =
    driver === undefined
      ? "has no target that can be followed"
      : `driver "${driver}" cannot follow its target`;
  return new BackoutError("REFUSED", `${name}: ${fact}`, { effect: "none", hint: "backout status" });
}

async function followable(services: Services, names: readonly string[]): Promise<string[]> {
  const drivers = await Promise.all(
    names.map(
      async (name): Promise<TargetDriver> =>
        services.drivers.target(services.playbook.targets[name]?.driver ?? ""),
    ),
  );
  return names.filter((_, index) => drivers[index]?.follow !== undefined);
}
