import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { ClusterEvent, Pod, PodMetrics, Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import type { Follower } from "../../core/follow.js";
import { followEvents } from "./follow-events.js";
import { followLogs } from "./follow-logs.js";
import { followUsage } from "./follow-usage.js";
import { partOf } from "./followed-part.js";
import { isWorkload, keyOf } from "./piece.js";
import { readerFor, scopeOf } from "./scope.js";
import type { TargetOptions } from "./target-options.js";
import { type SeenWorkloads, watchWorkloads } from "./watch-workloads.js";
import type { WorkloadName, WorkloadState } from "./workload.js";

/** Changes come in bursts: they are told together. Milliseconds. */
const burstMs = 100;

/** Of events from before it was looked, those that are not older. Milliseconds. */
const lately = 300_000;

/** Workloads, pods, events, logs and resource use of a target, until the context is aborted. */
export async function followTarget(
  options: TargetOptions,
  context: DriverContext,
  told: Follower,
): Promise<void> {
  await withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const scope = await scopeOf(readerFor(read, options), options);
    const names = scope.filter((one): one is WorkloadName => isWorkload(one.kind));
    if (names.length === 0) {
      told.state([]);
      return;
    }
    await followWorkloads(read, names, context, told);
  });
}

async function followWorkloads(
  read: Reader,
  names: readonly WorkloadName[],
  context: DriverContext,
  told: Follower,
): Promise<void> {
  const ended = new AbortController();
  const own = { ...context, signal: AbortSignal.any([context.signal, ended.signal]) };
  const [first] = names;
  const only =
    names.length === 1 && first !== undefined ? await read.find<Workload>(first.kind, first.name) : undefined;
  const logs = followLogs(read, own, told);
  const teller = eventTeller(told, context.clock.now() - lately);
  let seen: SeenWorkloads | undefined;
  let events: readonly ClusterEvent[] = [];
  let usage: readonly PodMetrics[] = [];
  // What is known at once belongs to the first look.
  let waiting = 2;
  let said = "";
  const tell = (): void => {
    if (seen === undefined || waiting > 0) return;
    const states = names.map((name) => ({ name, state: stateIn(seen, name) }));
    for (const { state } of states) if (state !== undefined) teller.know(state);
    teller.tell(events);
    const parts = states.map(({ name, state }) => partOf(keyOf(name), state, usage));
    const text = JSON.stringify(parts);
    if (text !== said) told.state(parts);
    said = text;
    logs.see(states.flatMap(({ state }): readonly Pod[] => state?.pods ?? []));
  };
  let due: NodeJS.Timeout | undefined;
  const soon = (): void => {
    due ??= setTimeout(() => {
      due = undefined;
      tell();
    }, burstMs);
  };
  const look = (now: SeenWorkloads): void => {
    seen = now;
    soon();
  };
  const kinds = [...new Set(names.map(({ kind }) => kind))];
  const work = [
    watchWorkloads(read, { kinds, only, look }, own),
    followEvents(read, own, told, (items, isFirst) => {
      events = items;
      if (isFirst) waiting--;
      soon();
    }),
    followUsage(read, only?.spec.selector, own, told, (items, isFirst) => {
      usage = items;
      if (isFirst) waiting--;
      soon();
    }),
  ];
  try {
    await Promise.all(work);
  } finally {
    ended.abort();
    clearTimeout(due);
    await Promise.allSettled([...work, logs.ended()]);
  }
}

function stateIn(seen: SeenWorkloads | undefined, { kind, name }: WorkloadName): WorkloadState | undefined {
  const workload = seen?.named(kind, name);
  return workload && seen?.stateOf(kind, workload);
}

/** Tells events once, of what is known to belong to the target, also where it is gone by then. */
function eventTeller(told: Follower, oldest: number) {
  const uids = new Set<string>();
  const versions = new Map<string, string>();
  return {
    know: ({ workload, revisions, pods }: WorkloadState): void => {
      uids.add(workload.metadata.uid ?? "");
      for (const { uid } of revisions) uids.add(uid);
      for (const { metadata } of pods) uids.add(metadata.uid ?? "");
    },
    tell: (events: readonly ClusterEvent[]): void => {
      const fresh = events.flatMap((event) => {
        const { uid = "", resourceVersion = "" } = event.metadata;
        const at = timeOf(event);
        const known = versions.get(uid) === resourceVersion;
        if (known || at < oldest || !uids.has(event.involvedObject.uid ?? "")) return [];
        versions.set(uid, resourceVersion);
        return [{ event, at }];
      });
      for (const { event, at } of fresh.toSorted((a, b) => a.at - b.at)) {
        const { involvedObject: of, reason = "", message = "", type } = event;
        told.event({
          ...{ at, warning: type === "Warning", subject: `${of.kind}/${of.name}` },
          text: `${reason}: ${message.trim()}`,
        });
      }
    },
  };
}

function timeOf({ lastTimestamp, eventTime, metadata }: ClusterEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "");
}
