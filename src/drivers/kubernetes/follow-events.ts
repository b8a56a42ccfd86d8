import { follow } from "../../clients/kubernetes/follow.js";
import type { ClusterEvent } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Follower } from "../../core/follow.js";

/** The namespace's events as they come; said to be missing where they may not be read. */
export async function followEvents(
  read: Reader,
  { signal, clock, log }: Pick<DriverContext, "signal" | "clock" | "log">,
  told: Follower,
  changed: (events: readonly ClusterEvent[], isFirst: boolean) => void,
): Promise<void> {
  let first = true;
  const hand = (events: readonly ClusterEvent[]): void => {
    const isFirst = first;
    first = false;
    changed(events, isFirst);
  };
  try {
    await follow<ClusterEvent>(
      read.api,
      {
        ...{ path: (await read.needed("Event")).path(), query: {}, changed: hand },
        lost: (error) => log(`events go on when it answers again: ${String(error)}`),
        sleep: (ms, until) => clock.sleep(ms, until),
      },
      signal,
    );
  } catch (error) {
    if (!(error instanceof BackoutError) || signal.aborted) throw error;
    told.missing("events", error.message);
    if (first) hand([]);
  }
}
