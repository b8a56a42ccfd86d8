import type { Outcome, StepContext } from "../../core/driver.js";
import { type Connection, withRedis } from "./connect.js";
import { moveScript, pauseScript, resumeScript } from "./queue-scripts.js";
import { keyOf, madeSince, places, type WaitingJob, waitingJobs } from "./queue-state.js";
import type { QueueInput } from "./queue-steps.js";
import { quarantineName } from "./scope.js";
import type { Begin, Job } from "./step-job.js";

interface Place {
  readonly prefix: string;
  readonly name: string;
}

/** In the quarantine: where a job had been. No state of BullMQ's own. */
const notes = "backout";

export function applyQueue(
  { options, operation, input }: Job,
  context: StepContext,
  begin: Begin,
): Promise<Outcome> {
  const queue = input as unknown as QueueInput;
  return withRedis(options.url, async ({ redis }) => {
    await begin();
    if (operation.startsWith("pause-")) return paused(redis, queue);
    if (operation.startsWith("resume-")) return resumed(redis, queue);
    return operation.startsWith("release-") ? release(redis, queue) : quarantine(redis, queue, context);
  });
}

const keys = (queue: Place, ...parts: string[]): string[] => parts.map((part) => keyOf(queue, part));

async function paused(redis: Connection, queue: Place): Promise<Outcome> {
  const own = keys(queue, "meta", "wait", "paused", "marker", "events");
  const changed = Number(await redis.eval(pauseScript, own.length, ...own)) === 1;
  return { summary: `queue ${queue.name} is paused`, changed };
}

async function resumed(redis: Connection, queue: Place): Promise<Outcome> {
  const own = keys(queue, "meta", "wait", "paused", "marker", "events", "prioritized", "delayed");
  const changed = Number(await redis.eval(resumeScript, own.length, ...own)) === 1;
  return { summary: `queue ${queue.name} goes on`, changed };
}

/** A queue of its own, paused: nobody works on it by accident, and every tool for BullMQ shows it. */
async function quarantine(redis: Connection, queue: QueueInput, context: StepContext): Promise<Outcome> {
  const to: Place = { prefix: queue.prefix, name: quarantineName(queue.name) };
  await redis.hset(keyOf(to, "meta"), "paused", 1);
  const options = { ...queue, quarantine: true };
  const jobs = await madeSince(redis, options, await waitingJobs(redis, options), queue.since ?? 0);
  let moved = 0;
  for (const job of jobs) {
    context.signal.throwIfAborted();
    moved += await move(redis, queue, to, job, "wait", {
      note: JSON.stringify([job.place, job.score]),
      score: "",
    });
  }
  return {
    summary: `${moved} jobs of queue ${queue.name} are in ${to.name}`,
    changed: moved > 0,
    data: { moved, to: to.name },
  };
}

async function release(redis: Connection, queue: Place): Promise<Outcome> {
  const from: Place = { prefix: queue.prefix, name: quarantineName(queue.name) };
  const noted = await redis.hgetall(keyOf(from, notes));
  const ids = await redis.lrange(keyOf(from, "wait"), 0, -1);
  const [meta, old] = [keyOf(queue, "meta"), keyOf(queue, "paused")];
  const isPaused = (await redis.hexists(meta, "paused")) === 1;
  const list = isPaused && (await redis.exists(old)) === 1 ? "paused" : "wait";
  let moved = 0;
  // The oldest is the last of the list, and every one goes to the head.
  for (const id of ids.toReversed()) {
    const { place, score } = noteOf(noted[id]);
    const there = score === "" ? list : place;
    moved += await move(redis, from, queue, { id, place: "wait", score: null }, there, { note: "", score });
  }
  // Wakes the workers.
  if (!isPaused && moved > 0) await redis.zadd(keyOf(queue, "marker"), 0, "0");
  return { summary: `${moved} jobs are back in queue ${queue.name}`, changed: moved > 0, data: { moved } };
}

function noteOf(text: string | undefined): { place: WaitingJob["place"]; score: string } {
  const note: unknown = text === undefined ? undefined : JSON.parse(text);
  const [where, score]: unknown[] = Array.isArray(note) ? note : [];
  const place = places.find((one) => one === where) ?? "wait";
  return { place, score: typeof score === "string" ? score : "" };
}

async function move(
  redis: Connection,
  from: Place,
  to: Place,
  { id, place }: WaitingJob,
  there: string,
  { note, score }: { note: string; score: string },
): Promise<number> {
  const own = [keyOf(from, place), keyOf(to, there), keyOf(note === "" ? from : to, notes)];
  const values = [id, keyOf(from, id), keyOf(to, id), note, score];
  return Number(await redis.eval(moveScript, own.length, ...own, ...values));
}
