import { createHash } from "node:crypto";
import { join } from "node:path";
import { contentDigest } from "../core/content-digest.js";
import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import type { Plan } from "../core/plan/plan.js";
import type { Fact, FactBody, FactEnvelope } from "../core/run/fact.js";
import type { Fence, Lease, PersonRequest, RunJournal, RunRecord } from "../core/run/run-journal.js";
import { type JournalFile, openJournalFile } from "./journal-file.js";
import { JournalLeases } from "./journal-leases.js";

interface RunRow {
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  readonly plan: string;
}

interface FactRow extends FactEnvelope {
  readonly body: string;
  readonly hash: string;
}

/**
 * The journal of all runs of one state folder: an SQLite file, each append one transaction that is on disk when the
 * call returns. Each fact carries the hash of the one before it, so that a later change is evident.
 */
export class Journal implements RunJournal {
  private readonly file: JournalFile;
  private readonly leases: JournalLeases;

  constructor(file: JournalFile) {
    this.file = file;
    this.leases = new JournalLeases(file);
  }

  async close(): Promise<void> {
    this.file.close();
  }

  async createRun(run: RunRecord, first: readonly Fact[]): Promise<void> {
    this.file.transaction(() => {
      this.file.run(
        "insert into runs (id, system, environment, plan, at) values (?, ?, ?, ?, ?)",
        run.id,
        run.system,
        run.environment,
        JSON.stringify(run.plan),
        first[0]?.at ?? 0,
      );
      this.insert(run.id, first);
    });
  }

  async run(id: string): Promise<RunRecord> {
    const row = this.runRow(id);
    const plan = readPlan(row.plan);
    if (plan !== undefined) return { ...row, plan };
    throw new BackoutError("STATE_CORRUPT", `run "${id}": its plan is not the one that was recorded`, {
      effect: "none",
      hint: "backout history --verify",
    });
  }

  async runIds(system: string, environment: string): Promise<string[]> {
    const sql = "select id from runs where system = ? and environment = ? order by at, rowid";
    return this.file.all<{ id: string }>(sql, system, environment).map((row) => row.id);
  }

  async facts(run: string, after = 0): Promise<Fact[]> {
    const sql = "select seq, at, actor, body from facts where run = ? and seq > ? order by seq";
    return this.file.all<FactRow>(sql, run, after).map(toFact);
  }

  async append(
    run: string,
    facts: readonly Fact[],
    fence: Fence,
    answered: readonly number[] = [],
  ): Promise<void> {
    this.file.transaction(() => {
      if (!this.leases.holds(fence)) {
        throw new BackoutError("FENCED", `run "${run}" has been taken over by another process`, {
          effect: "none",
          hint: "backout status",
        });
      }
      this.insert(run, facts);
      for (const id of answered) this.file.run("delete from requests where id = ?", id);
    });
  }

  async request(run: string, request: PersonRequest): Promise<void> {
    this.file.transaction(() => {
      this.file.run("insert into requests (run, body) values (?, ?)", run, canonicalJson(request));
    });
  }

  async requests(run: string): Promise<{ id: number; request: PersonRequest }[]> {
    const sql = "select id, body from requests where run = ? order by id";
    return this.file
      .all<{ id: number; body: string }>(sql, run)
      .map(({ id, body }) => ({ id, request: JSON.parse(body) as PersonRequest }));
  }

  async lease(scope: string): Promise<Lease | undefined> {
    return this.leases.lease(scope);
  }

  async acquire(
    want: Omit<Lease, "fence">,
    mayTake: (holder: Lease) => boolean,
  ): Promise<{ taken: boolean; lease: Lease }> {
    return this.leases.acquire(want, mayTake);
  }

  async renew(lease: Lease, expires: number): Promise<boolean> {
    return this.leases.renew(lease, expires);
  }

  async release(lease: Lease): Promise<void> {
    this.leases.release(lease);
  }

  /**
   * Recomputes digest and hash chain of a run. Returns the sequence number of the first fact that does not fit, 0 where
   * it is the run's own row, nothing where all is as it was written.
   */
  async brokenAt(run: string): Promise<number | undefined> {
    const { system, environment, plan: text } = this.runRow(run);
    const plan = readPlan(text);
    if (plan === undefined || plan.system !== system || plan.environment !== environment) return 0;
    const sql = "select seq, cast(at as text) as at, actor, body, hash from facts where run = ? order by seq";
    let before = "";
    for (const [index, row] of this.file.all<FactRow>(sql, run).entries()) {
      if (row.seq !== index + 1 || row.hash !== chainHash(run, before, row)) return index + 1;
      const fact = toFact(row);
      if (fact.type === "run.requested" && fact.planDigest !== plan.digest) return 0;
      before = row.hash;
    }
    return undefined;
  }

  private runRow(id: string): RunRow {
    const row = this.file.get<RunRow>("select id, system, environment, plan from runs where id = ?", id);
    if (row !== undefined) return row;
    throw new BackoutError("NOT_FOUND", `there is no run "${id}"`, {
      effect: "none",
      hint: "backout history",
    });
  }

  private insert(run: string, facts: readonly Fact[]): void {
    const last = this.file.get<{ seq: number; hash: string }>(
      "select seq, hash from facts where run = ? order by seq desc limit 1",
      run,
    );
    let { seq: before, hash } = last ?? { seq: 0, hash: "" };
    for (const { seq, at, actor, ...fact } of facts) {
      if (seq !== before + 1) {
        throw new BackoutError("CONFLICT", `fact ${seq} of run "${run}" would follow fact ${before}`, {
          effect: "none",
        });
      }
      const body = JSON.stringify(fact);
      hash = chainHash(run, hash, { seq, at, actor, body });
      this.file.run(
        "insert into facts (run, seq, at, actor, body, hash) values (?, ?, ?, ?, ?, ?)",
        run,
        seq,
        at,
        actor,
        body,
        hash,
      );
      before = seq;
    }
  }
}

/** `undefined` where its digest is not that of what it says. */
function readPlan(text: string): Plan | undefined {
  try {
    const plan = JSON.parse(text) as Plan;
    const { digest, ...body } = plan;
    return contentDigest(body) === digest ? plan : undefined;
  } catch {
    return undefined;
  }
}

function toFact({ seq, at, actor, body }: FactRow): Fact {
  return { seq, at, actor, ...(JSON.parse(body) as FactBody) };
}

function chainHash(
  run: string,
  before: string,
  { seq, at, actor, body }: Omit<FactRow, "hash" | "at"> & { readonly at: number | string },
): string {
  const row = JSON.stringify([before, run, seq, String(at), actor, body]);
  return createHash("sha256").update(row).digest("hex");
}

/** Opens, or makes, `<folder>/journal.db`. */
export async function openJournal(folder: string): Promise<Journal> {
  return new Journal(await openJournalFile(join(folder, "journal.db")));
}
