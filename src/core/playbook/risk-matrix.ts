import type { Playbook } from "./playbook.js";
import { type Risk, risks } from "./schema.js";

export interface RiskRow {
  readonly change: string;
  readonly risk?: Risk;
  readonly targets: readonly string[];
  /** Changes that cannot be taken back beside this one: they touch the same targets, or such that depend on each other. */
  readonly shares: readonly string[];
  readonly promisedMs?: number;
}

/** M21: what may have to be taken back, and whether the promises add up. */
export interface RiskMatrix {
  /** The riskiest first. */
  readonly rows: readonly RiskRow[];
  /** Changes that promise nothing: the sums leave them out. */
  readonly unpromised: readonly string[];
  readonly inSequenceMs: number;
  /** Those that share something one after the other, everything else at once. */
  readonly sideBySideMs: number;
  readonly objectiveMs?: number;
}

export function riskMatrix({ changes, targets, objectives }: RiskInput): RiskMatrix {
  const names = Object.keys(changes);
  const touches = (change: string): Set<string> => {
    const own = changes[change]?.targets ?? [];
    return new Set([...own, ...own.flatMap((target) => targets[target]?.uses ?? [])]);
  };
  const meet = (a: string, b: string): boolean => {
    const [one, other] = [touches(a), touches(b)];
    return (
      [...(changes[a]?.targets ?? [])].some((target) => other.has(target)) ||
      [...(changes[b]?.targets ?? [])].some((target) => one.has(target))
    );
  };
  const promised = (change: string): number => changes[change]?.promised ?? 0;
  const rows = names.map((change): RiskRow => {
    const { risk, promised: promisedMs, targets: own } = changes[change] ?? { targets: [] };
    return {
      change,
      targets: own,
      shares: names.filter((other) => other !== change && meet(change, other)),
      ...(risk === undefined ? {} : { risk }),
      ...(promisedMs === undefined ? {} : { promisedMs }),
    };
  });
  const sums = linked(rows).map((group) => group.reduce((sum, change) => sum + promised(change), 0));
  return {
    rows: rows.toSorted((a, b) => rank(b) - rank(a)),
    unpromised: rows.filter(({ promisedMs }) => promisedMs === undefined).map(({ change }) => change),
    inSequenceMs: sums.reduce((sum, one) => sum + one, 0),
    sideBySideMs: Math.max(0, ...sums),
    ...(objectives.rto === undefined ? {} : { objectiveMs: objectives.rto }),
  };
}

export type RiskInput = Pick<Playbook, "changes" | "targets" | "objectives">;

const rank = ({ risk }: RiskRow): number => (risk === undefined ? -1 : risks.indexOf(risk));

/** Groups of changes that are linked, also over others. */
function linked(rows: readonly RiskRow[]): string[][] {
  const shares = new Map(rows.map((row) => [row.change, row.shares]));
  const seen = new Set<string>();
  const reach = (change: string): string[] => {
    if (seen.has(change)) return [];
    seen.add(change);
    return [change, ...(shares.get(change) ?? []).flatMap(reach)];
  };
  return rows.map(({ change }) => reach(change)).filter((group) => group.length > 0);
}
