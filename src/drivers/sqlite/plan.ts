import type { DataLoss, Impact, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { artifactName, type Data } from "./capture.js";
import { totalRows } from "./content.js";
import type { Seen } from "./observe.js";
import type { Options } from "./options.js";

/** What both steps get. */
export type Input = {
  readonly artifact: string;
  /** Of the copy beside the live file: the file's path with this behind it. */
  readonly suffix: string;
  /** The swap counts what is lost once more, when nobody can write any longer. */
  readonly count?: boolean;
};

/** Counting takes some 0.8 ms for 1000 rows on either side: at most a third of what the swap is expected to take. */
const mostRows = 400_000;
const mostBytes = 64 * 2 ** 20;

/** Whether the outage has the time for it. */
export const countable = (rows: number, bytes: number): boolean => rows <= mostRows && bytes <= mostBytes;

export const swapMs = 1000;

const copiedPerMs = 50_000;

export function plan({
  captured,
  restoreMs,
  observed,
  options,
  intent,
}: PlanInput<Options, Data, Seen>): StepSpec[] {
  if (!intent.restore || captured === undefined || observed.identity === captured.identity) return [];
  const kept = intent.keep[0];
  if (kept !== undefined) {
    throw new BackoutError(
      "REFUSED",
      `${options.file}: cannot keep "${kept}", since the file comes back as a whole`,
      {
        effect: "none",
        hint: "copy it back by hand out of the replaced file, which is kept",
      },
    );
  }
  const { data } = captured;
  const input: Input = { artifact: artifactName, suffix: `.backout-${captured.identity.slice(7, 19)}` };
  return [
    {
      operation: "stage",
      title: `stage the captured ${options.file} beside the live one`,
      phase: "restore",
      input,
      expectedMs: restoreMs ?? 500 + Math.ceil(data.bytes / copiedPerMs),
    },
    {
      operation: "swap",
      title: `swap the staged ${options.file} in by rename`,
      phase: "restore",
      needs: ["stage"],
      exclusive: true,
      input: { ...input, count: countable(observed.data.rows + totalRows(data.content), data.bytes) },
      impact: impactOf(options, observed.summary, captured.summary, observed.data),
      expectedMs: swapMs,
    },
  ];
}

function impactOf(options: Options, now: string, then: string, seen: Seen): Impact {
  const changes = [{ what: options.file, before: now, after: then }];
  // The plan reads in the direction of travel: what the rollout made is `before`.
  for (const { what, before, after } of seen.changes) changes.push({ what, before: after, after: before });
  const loses: readonly DataLoss[] =
    seen.state === "damaged"
      ? [{ what: options.file, basis: "not countable: the live file cannot be read; it is kept as it is" }]
      : seen.losses;
  return { changes, ...(loses.length === 0 ? {} : { loses }), interrupts: true };
}
