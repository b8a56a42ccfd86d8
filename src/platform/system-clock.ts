import { setTimeout as after } from "node:timers/promises";
import type { Clock } from "../core/ports.js";

/** Node fires longer timers at once instead of late. */
const longestTimerMs = 2 ** 31 - 1;

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + ms;
  try {
    for (let left = ms; left > 0; left = end - performance.now()) {
      await after(Math.min(left, longestTimerMs), undefined, signal === undefined ? {} : { signal });
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
  signal?.throwIfAborted();
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep,
};
