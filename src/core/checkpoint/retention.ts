import { type ProofLevel, proofLevels } from "../driver.js";

/** A checkpoint stays if any one of these keeps it. */
export interface RetentionPolicy {
  /** So many of the newest, per system and environment. */
  readonly keep: number;
  /** And all that are younger. Milliseconds. */
  readonly forMs?: number | undefined;
}

export interface RetentionCandidate {
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  readonly at: number;
  readonly pinned: boolean;
  /** How well each target's part is proven, expired evidence included. */
  readonly proven: Readonly<Record<string, ProofLevel>>;
}

export interface RetentionChoice {
  readonly id: string;
  readonly remove: boolean;
  /** Why it stays or goes. */
  readonly why: string;
}

const countsAsProof = proofLevels.slice(proofLevels.indexOf("readable"));

/** Checkpoint → the targets of which it is the newest one proven to a level. */
function lastProven(newestFirst: readonly RetentionCandidate[]): Map<string, string[]> {
  const seen = new Set<string>();
  const found = new Map<string, string[]>();
  for (const candidate of newestFirst) {
    for (const [target, level] of Object.entries(candidate.proven)) {
      const key = `${target} ${level}`;
      if (!countsAsProof.includes(level) || seen.has(key)) continue;
      seen.add(key);
      found.set(candidate.id, [...(found.get(candidate.id) ?? []), target]);
    }
  }
  return found;
}

/** What pruning removes, newest first. `inUse`: checkpoints that an open run refers to. */
export function chooseRetention(
  candidates: readonly RetentionCandidate[],
  policy: RetentionPolicy,
  more: { now: number; inUse: ReadonlySet<string> },
): RetentionChoice[] {
  const scopeOf = ({ system, environment }: RetentionCandidate) => `${system}/${environment}`;
  return [...new Set(candidates.map(scopeOf))].flatMap((scope) => {
    const newestFirst = candidates
      .filter((candidate) => scopeOf(candidate) === scope)
      .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
    const proofs = lastProven(newestFirst);
    return newestFirst.map((candidate, index): RetentionChoice => {
      const { id, pinned, at } = candidate;
      const stays = (why: string) => ({ id, remove: false, why });
      if (more.inUse.has(id)) return stays("an open run needs it");
      if (pinned) return stays("pinned");
      if (index < Math.max(1, policy.keep)) return stays(`among the newest ${Math.max(1, policy.keep)}`);
      if (policy.forMs !== undefined && more.now - at <= policy.forMs) return stays("younger than retention");
      const targets = proofs.get(id);
      if (targets !== undefined) return stays(`last proven one of ${targets.join(", ")}`);
      return { id, remove: true, why: "older than retention keeps" };
    });
  });
}
