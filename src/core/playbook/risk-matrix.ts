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
  const ownOf = (change: string): readonly string[] => changes[change]?.targets ?? [];
  const touchedBy = (change: string): readonly string[] =>
    ownOf(change).flatMap((target) => [target, ...(targets[target]?.uses ?? [])]);
  const order = new Map(names.map((name, index) => [name, index]));
  const owners = byTarget(names, ownOf);
  const touching = byTarget(names, touchedBy);
  const meeting = (change: string): string[] => {
    const found = new Set([
      ...touchedBy(change).flatMap((target) => owners.get(target) ?? []),
      ...ownOf(change).flatMap((target) => touching.get(target) ?? []),
    ]);
    found.delete(change);
    return [...found].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  };
  const promised = (change: string): number => changes[change]?.promised ?? 0;
  const rows = names.map((change): RiskRow => {
    const { risk, promised: promisedMs, targets: own } = changes[change] ?? { targets: [] };
    return {
      change,
      targets: own,
      shares: meeting(change),
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

function byTarget(
  changes: readonly string[],
  targetsOf: (change: string) => readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const change of changes) {
    for (const target of new Set(targetsOf(change)))
      found.set(target, [...(found.get(target) ?? []), change]);
  }
  return found;
}

/** Groups of changes that are linked, also over others. */
function linked(rows: readonly RiskRow[]): string[][] {
  const shares = new Map(rows.map((row) => [row.change, row.shares]));
  const seen = new Set<string>();
  const reach = (change: string): string[] => {
    const group = seen.has(change) ? [] : [change];
    // Grows while it is gone through.
    for (const one of group) {
      seen.add(one);
      for (const other of shares.get(one) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        group.push(other);
      }
    }
    return group;
  };
  return rows.map(({ change }) => reach(change)).filter((group) => group.length > 0);
}
