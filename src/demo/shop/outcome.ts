import { type Answered, failed } from "../load.js";
import { count, type Figure, seconds } from "../narrate.js";

/** What the shop's demo came to: by backout's journal, and by what its own customers saw. */
export interface ShopOutcome {
  readonly outcome: string;
  /** The longest time without a good answer that touches the rollback. */
  readonly outageMs: number;
  readonly rollbackMs: number;
  readonly promisedMs: number;
  readonly afterwards: { readonly sent: number; readonly failed: number };
  readonly orders: {
    /** Acknowledged to a customer, and not in the database now. */
    readonly lost: number;
    /** By backout: planned, and counted once more when nobody could write. */
    readonly announced: number;
  };
  /** Jobs for nobody, set aside. */
  readonly quarantined: number;
  readonly report: string;
}

/** The longest time between two good answers one after the other, as far as it lies in that time. */
export function outageOf(answers: readonly Answered[], from: number, until: number): number {
  const good = answers
    .filter((one) => !failed(one))
    .map(({ at, ms }) => at + ms)
    .sort((a, b) => a - b);
  const gaps = good.slice(1).map((end, index) => ({ start: good[index] ?? end, end }));
  const within = gaps.filter(({ start, end }) => end >= from && start <= until);
  return Math.max(0, ...within.map(({ start, end }) => end - start));
}

export const shopLine = ({ outageMs, orders }: ShopOutcome): string =>
  `Outage: ${count(Math.round(outageMs))} ms. Committed transactions lost: ${count(orders.lost)}, all of them announced (${count(orders.announced)}).`;

export function shopFigures(outcome: ShopOutcome): Figure[] {
  const { outageMs, rollbackMs, promisedMs, afterwards, orders, quarantined } = outcome;
  return [
    { name: "rollback", value: outcome.outcome, holds: outcome.outcome === "verified" },
    {
      name: "outage",
      value: `${count(Math.round(outageMs))} ms`,
      remark: "the longest time without a good answer; the application was restarted in it",
      holds: outageMs > 0,
    },
    {
      name: "rolled back in",
      value: seconds(rollbackMs),
      remark: `checks included; promised ${seconds(promisedMs)}`,
      holds: rollbackMs > 0,
    },
    {
      name: "transactions lost",
      value: count(orders.lost),
      remark: `orders that customers were told are placed; announced were ${count(orders.announced)}`,
      holds: orders.lost > 0 && orders.lost <= orders.announced,
    },
    {
      name: "failed afterwards",
      value: count(afterwards.failed),
      remark: `of ${count(afterwards.sent)} requests sent after the rollback`,
      holds: afterwards.failed === 0 && afterwards.sent > 0,
    },
    {
      name: "jobs set aside",
      value: count(quarantined),
      remark: "of the bad release, in the queue mails-quarantine",
      holds: quarantined > 0,
    },
  ];
}
