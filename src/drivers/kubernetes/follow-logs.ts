import { isCode, passes } from "../../clients/kubernetes/api-error.js";
import type { ContainerStatus, Pod } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import type { Follower } from "../../core/follow.js";

/** So many containers are listened to at a time: each costs a connection. */
const mostStreams = 24;
/** Of one that ran before it was looked; of one that began since, more. */
const tail = { earlier: "3", new: "100" } as const;
/** After so long without a line it is asked again: the line may be broken. Milliseconds. */
const silentMs = 300_000;
const againMs = 1_000;

interface Stream {
  readonly pod: string;
  readonly container: string;
  /** Its last line's time, so that what was told is not told again. */
  last: string;
}

/** Lines of the containers of the pods that are seen, from when each runs until it has ended and its last line is told. */
export function followLogs(
  read: Reader,
  { signal, clock }: Pick<DriverContext, "signal" | "clock">,
  told: Follower,
): { see(pods: readonly Pod[]): void; ended(): Promise<unknown> } {
  const begun = new Set<string>();
  const running = new Set<string>();
  const streams = new Set<Promise<void>>();
  const said = new Set<string>();
  let refused = false;
  let isFirst = true;
  const miss = (why: string): void => {
    if (!said.has(why)) told.missing("logs", why);
    said.add(why);
  };

  const readOn = async (stream: Stream, tailLines: string): Promise<void> => {
    const { pod, container } = stream;
    const place = await read.needed("Pod");
    const from = stream.last === "" ? { tailLines } : { sinceTime: stream.last };
    const query = { container, follow: "true", timestamps: "true", ...from };
    const lines = read.api.lines({ path: `${place.path(pod)}/log`, query, idleMs: silentMs }, signal);
    for await (const whole of lines) {
      const { stamp, text } = partsOf(whole);
      if (stamp <= stream.last) continue;
      stream.last = stamp;
      told.line({ subject: `${pod}/${container}`, text });
    }
  };

  const listen = async (id: string, stream: Stream, tailLines: string): Promise<void> => {
    while (!signal.aborted) {
      try {
        await readOn(stream, tailLines);
        if (!running.has(id)) return;
      } catch (error) {
        if (signal.aborted || isCode(error, "NOT_FOUND")) return;
        // Not begun after all: the next look tries again.
        if (isCode(error, "REFUSED")) return void begun.delete(id);
        if (!passes(error)) {
          refused = true;
          return miss(error instanceof Error ? error.message : String(error));
        }
      }
      await clock.sleep(againMs, signal).catch(() => undefined);
    }
  };

  return {
    see: (pods) => {
      const tailLines = isFirst ? tail.earlier : tail.new;
      isFirst = false;
      running.clear();
      for (const pod of pods) {
        for (const status of pod.status?.containerStatuses ?? []) {
          const id = begunAs(status);
          if (id === undefined) continue;
          if (status.state?.running !== undefined) running.add(id);
          if (begun.has(id) || refused) continue;
          if (streams.size >= mostStreams) {
            miss(`only those of ${mostStreams} containers are read at a time`);
            continue;
          }
          begun.add(id);
          const stream = { pod: pod.metadata.name, container: status.name, last: "" };
          const listening: Promise<void> = listen(id, stream, tailLines).finally(() =>
            streams.delete(listening),
          );
          streams.add(listening);
        }
      }
    },
    ended: () => Promise.allSettled([...streams]),
  };
}

/** Each start of a container is another one. */
const begunAs = ({ containerID, state }: ContainerStatus): string | undefined =>
  containerID === undefined || containerID === "" || state === undefined ? undefined : containerID;

/** `2026-11-22T05:46:44.1Z text`: its time in a form that sorts. */
function partsOf(line: string): { stamp: string; text: string } {
  const at = line.indexOf(" ");
  const stamp = at < 0 ? line : line.slice(0, at);
  const text = at < 0 ? "" : line.slice(at + 1).trimEnd();
  const [, second = stamp, fraction = "", zone = "Z"] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(\S*)$/.exec(stamp) ?? [];
  return { stamp: `${second}.${fraction.padEnd(9, "0")}${zone}`, text };
}
