import { count, type Figure, seconds } from "./narrate.js";

/** What the demo came to: by backout's journal, and by what its own customers saw. */
export interface Outcome {
  readonly outcome: string;
  /** From the first request that failed to the decision. */
  readonly detectionMs: number;
  readonly rollbackMs: number;
  readonly promisedMs: number;
  readonly requests: {
    readonly all: number;
    readonly failed: number;
    /** Sent after the rollback had ended. */
    readonly after: number;
    readonly failedAfter: number;
  };
  readonly rows: {
    /** Acknowledged to a customer, and not in the database now. */
    readonly lost: number;
    /** By the plan, before anything moved. */
    readonly announced: number;
    /** In orders that got no answer: the shop may have written them, and no customer knows. */
    readonly unknown: number;
  };
  readonly report: string;
}

/** Each with whether it is as promised. */
export function outcomeFigures(outcome: Outcome): Figure[] {
  const { detectionMs, rollbackMs, promisedMs, requests, rows } = outcome;
  return [
    { name: "rollback", value: outcome.outcome, holds: outcome.outcome === "verified" },
    {
      name: "found out after",
      value: seconds(detectionMs),
      remark: "from the first failed request to the decision",
      holds: detectionMs > 0,
    },
    {
      name: "rolled back in",
      value: seconds(rollbackMs),
      remark: `checks included; promised ${seconds(promisedMs)}`,
      holds: rollbackMs <= promisedMs,
    },
    {
      name: "requests failed",
      value: count(requests.failed),
      remark: `of ${count(requests.all)} in all`,
      holds: requests.failed > 0,
    },
    {
      name: "failed afterwards",
      value: count(requests.failedAfter),
      remark: `of ${count(requests.after)} sent after the rollback`,
      holds: requests.failedAfter === 0 && requests.after > 0,
    },
    {
      name: "rows lost",
      value: count(rows.lost),
      remark: `counted by the customers; the plan announced ${count(rows.announced)}${unknownText(rows.unknown)}`,
      holds: rows.lost <= rows.announced && rows.announced - rows.lost <= rows.unknown,
    },
  ];
}

const unknownText = (rows: number): string =>
  rows === 0 ? "" : `; ${count(rows)} more may be in orders without an answer`;
