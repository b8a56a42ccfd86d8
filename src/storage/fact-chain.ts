import { createHash } from "node:crypto";
import { contentDigest, digestOfText } from "../core/content-digest.js";
import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import type { Plan } from "../core/plan/plan.js";
import type { Fact, FactBody, FactEnvelope } from "../core/run/fact.js";
import type { RunRecord } from "../core/run/run-journal.js";

/** What every journal stores, so that the same facts have the same hashes wherever they are kept. */

export interface RunRow {
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  readonly plan: string;
}

export interface FactRow extends FactEnvelope {
  readonly body: string;
  readonly hash: string;
}

/** The newest fact of a run; `start` where there is none. */
export type Link = Pick<FactRow, "seq" | "hash">;

export const start: Link = { seq: 0, hash: "" };

/** The rows that continue the chain after `last`. Refuses with CONFLICT what does not follow. */
export function chained(run: string, last: Link, facts: readonly Fact[]): FactRow[] {
  let { seq: before, hash } = last;
  return facts.map(({ seq, at, actor, ...fact }) => {
    if (seq !== before + 1) {
      throw new BackoutError("CONFLICT", `fact ${seq} of run "${run}" would follow fact ${before}`, {
        effect: "none",
      });
    }
    before = seq;
    const body = JSON.stringify(fact);
    hash = chainHash(run, hash, { seq, at, actor, body });
    return { seq, at, actor, body, hash };
  });
}

export function toFact({ seq, at, actor, body }: Omit<FactRow, "hash">): Fact {
  return { seq, at, actor, ...(JSON.parse(body) as FactBody) };
}

export function toRun(row: RunRow | undefined, id: string): RunRecord {
  const { plan: text, ...run } = found(row, id);
  const plan = readPlan(text);
  if (plan !== undefined) return { ...run, plan };
  throw new BackoutError("STATE_CORRUPT", `run "${id}": its plan is not the one that was recorded`, {
    effect: "none",
    hint: "backout history --verify",
  });
}

export function found(row: RunRow | undefined, id: string): RunRow {
  if (row !== undefined) return row;
  return noRun(id);
}

export function noRun(id: string): never {
  throw new BackoutError("NOT_FOUND", `there is no run "${id}"`, { effect: "none", hint: "backout history" });
}

/**
 * Recomputes digest and hash chain of a run. Returns the sequence number of the first fact that does not fit, 0 where
 * it is the run's own row, nothing where all is as it was written; with `last`, also where the end is missing. Times come as text: no number may round them.
 */
export function firstBroken(
  { id, system, environment, plan: text }: RunRow,
  rows: readonly (Omit<FactRow, "at"> & { readonly at: string })[],
  last?: Link,
): number | undefined {
  const plan = readPlan(text);
  if (plan === undefined || plan.system !== system || plan.environment !== environment) return 0;
  let before = "";
  for (const [index, row] of rows.entries()) {
    if (row.seq !== index + 1 || row.hash !== chainHash(id, before, row)) return index + 1;
    const fact = JSON.parse(row.body) as FactBody;
    if (fact.type === "run.requested" && fact.planDigest !== plan.digest) return 0;
    before = row.hash;
  }
  if (last === undefined || (last.seq === rows.length && last.hash === before)) return undefined;
  return last.seq > rows.length ? rows.length + 1 : last.seq;
}

/** Nothing is added to a run whose newest fact is not the one that was written last: see `firstBroken`. */
export function ensureWhole(run: string, newest: Link, written: Link): void {
  if (newest.seq === written.seq && newest.hash === written.hash) return;
  const missing = written.seq - newest.seq;
  const fact =
    missing > 0
      ? `its last ${missing === 1 ? "fact is" : `${missing} facts are`} missing`
      : "its newest fact is not the one that was written";
  throw new BackoutError("STATE_CORRUPT", `run "${run}": ${fact}`, {
    effect: "none",
    hint: "backout history --verify; look at what is really there before anything else is started",
  });
}

/** A plan as it is stored: the text that its digest was taken of, behind the digest, so that both are compared quickly. */
export function planText({ digest, ...body }: Plan): string {
  return `${digestMember(digest)}${canonicalJson(body).slice(1)}`;
}

const digestMember = (digest: string): string => `{"digest":${JSON.stringify(digest)},`;

/** `undefined` where its digest is not that of what it says. */
function readPlan(text: string): Plan | undefined {
  try {
    const plan = JSON.parse(text) as Plan;
    const { digest, ...body } = plan;
    const head = digestMember(digest);
    if (text.startsWith(head) && digestOfText(text, head.length, "{") === digest) return plan;
    return contentDigest(body) === digest ? plan : undefined;
  } catch {
    return undefined;
  }
}

function chainHash(
  run: string,
  before: string,
  { seq, at, actor, body }: Omit<FactRow, "hash" | "at"> & { readonly at: number | string },
): string {
  const row = JSON.stringify([before, run, seq, String(at), actor, body]);
  return createHash("sha256").update(row).digest("hex");
}
