import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { lineTime } from "./line-time.js";
import { LineSplitter } from "./lines.js";

const partBytes = 1024 * 1024;
const mostBytes = 64 * partBytes;

export interface RecentLines {
  readonly lines: readonly string[];
  /** Of the newest line that has a time. */
  readonly newest: number;
}

/**
 * The lines since then, by the times that stand in them; one without a time has that of the line before it. Read from
 * the end of the file, as far back as is needed. Throws where that cannot be told.
 */
export async function recentLines(path: string, since: number, context: DriverContext): Promise<RecentLines> {
  const { files } = context.host;
  const { size } = await files.readPart(path, 0, 0);
  for (let back = partBytes; ; back *= 4) {
    context.signal.throwIfAborted();
    const from = Math.max(0, size - Math.min(back, mostBytes));
    const lines = await linesFrom(path, from, size, context);
    const first = lines.map(lineTime).find((at) => at !== undefined);
    if (from === 0 || (first !== undefined && first < since))
      return sorted(path, lines, since, context, size);
    if (back >= mostBytes) {
      const fact = `${path} has more than ${mostBytes / partBytes} MiB of lines in that time`;
      throw unmeasured(context, fact, "look at a shorter time: `over`");
    }
  }
}

const unmeasured = (context: DriverContext, fact: string, hint: string): BackoutError =>
  new BackoutError("CONFLICT", `${context.name}: could not measure, ${fact}`, { effect: "none", hint });

async function linesFrom(
  path: string,
  from: number,
  size: number,
  { host, signal }: DriverContext,
): Promise<string[]> {
  const splitter = new LineSplitter(from > 0);
  const lines: string[] = [];
  for (let at = from; at < size; ) {
    signal.throwIfAborted();
    const { data } = await host.files.readPart(path, at, Math.min(partBytes, size - at));
    if (data.length === 0) break;
    at += data.length;
    for (const line of splitter.push(data)) lines.push(line);
  }
  // The last one counts although its end is not written yet.
  return [...lines, ...splitter.push(Buffer.from("\n"))].filter((line) => line !== "");
}

function sorted(
  path: string,
  lines: readonly string[],
  since: number,
  context: DriverContext,
  size: number,
): RecentLines {
  const recent: string[] = [];
  let at: number | undefined;
  let newest = Number.NEGATIVE_INFINITY;
  for (const line of lines) {
    at = lineTime(line) ?? at;
    if (at === undefined) continue;
    newest = Math.max(newest, at);
    if (at >= since) recent.push(line);
  }
  if (size > 0 && at === undefined) {
    const hint =
      'ISO 8601, the time of access logs, or `"time"` in JSON are understood; a signal can do without';
    throw unmeasured(context, `no line of ${path} has a time in it`, hint);
  }
  return { lines: recent, newest };
}
