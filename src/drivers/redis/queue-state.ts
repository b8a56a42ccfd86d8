import type { Connected, Connection } from "./connect.js";
import { matcherOf } from "./glob.js";
import type { Options, QueueOptions } from "./options.js";
import { pipelined } from "./pipelined.js";

export type QueueSeen = {
  readonly prefix: string;
  readonly name: string;
  readonly paused: boolean;
  /** Jobs that nobody works on, made since the checkpoint; only counted where they are to be moved. */
  readonly since: number;
  /** Of them, and of all others that nobody works on. */
  readonly waiting: number;
};

/** Where a job is that nobody works on, and what its place there is. */
export const places = ["wait", "paused", "delayed", "prioritized"] as const;
export type QueuePlace = (typeof places)[number];

export interface WaitingJob {
  readonly id: string;
  readonly place: QueuePlace;
  /** In the sorted sets: when it is due, or its priority. */
  readonly score: string | null;
}

export const keyOf = ({ prefix, name }: Pick<QueueOptions, "prefix" | "name">, part: string): string =>
  `${prefix}:${name}:${part}`;

export async function observeQueues(
  [first]: readonly Connected[],
  { queues }: Options,
  at: number | undefined,
): Promise<QueueSeen[]> {
  if (first === undefined) return [];
  const seen: QueueSeen[] = [];
  for (const queue of queues) {
    const jobs = await waitingJobs(first.redis, queue);
    const since = at !== undefined && queue.quarantine ? await madeSince(first.redis, queue, jobs, at) : [];
    seen.push({
      ...{ prefix: queue.prefix, name: queue.name, waiting: jobs.length, since: since.length },
      paused: (await first.redis.hget(keyOf(queue, "meta"), "paused")) !== null,
    });
  }
  return seen;
}

export async function waitingJobs(redis: Connection, queue: QueueOptions): Promise<WaitingJob[]> {
  const jobs: WaitingJob[] = [];
  for (const place of places) {
    const key = keyOf(queue, place);
    if (place === "wait" || place === "paused") {
      for (const id of await redis.lrange(key, 0, -1)) jobs.push({ id, place, score: null });
    } else {
      const rows = await redis.zrange(key, "0", "-1", "WITHSCORES");
      for (let row = 0; row < rows.length; row += 2) {
        jobs.push({ id: rows[row] ?? "", place, score: rows[row + 1] ?? "0" });
      }
    }
  }
  // Older versions keep a marker among the waiting jobs, and a scheduler makes its next job anew.
  const isOwn = matcherOf(["0:*", "repeat:*"]);
  return jobs.filter(({ id }) => !isOwn(id));
}

/** By the time that each job carries itself. */
export async function madeSince(
  redis: Connection,
  queue: QueueOptions,
  jobs: readonly WaitingJob[],
  at: number,
): Promise<WaitingJob[]> {
  const times = await pipelined(redis, (pipeline) => {
    for (const { id } of jobs) pipeline.hget(keyOf(queue, id), "timestamp");
  });
  return jobs.filter((_, index) => Number(times[index] ?? 0) > at);
}
