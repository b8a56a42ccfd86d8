import { join } from "node:path";
import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import type { Fact } from "../core/run/fact.js";
import type { Fence, Lease, PersonRequest, RunJournal, RunRecord } from "../core/run/run-journal.js";
import {
  chained,
  ensureWhole,
  type FactRow,
  firstBroken,
  found,
  type Link,
  planText,
  type RunRow,
  start,
  toFact,
  toRun,
} from "./fact-chain.js";
import { type JournalFile, openJournalFile } from "./journal-file.js";
import { JournalLeases } from "./journal-leases.js";

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
        planText(run.plan),
        first[0]?.at ?? 0,
      );
      this.insert(run.id, first);
    });
  }

  async run(id: string): Promise<RunRecord> {
    return toRun(this.runRow(id), id);
  }

  async runIds(system: string, environment: string): Promise<string[]> {
    const sql = "select id from runs where system = ? and environment = ? order by at, rowid";
    return this.file.all<{ id: string }>(sql, system, environment).map((row) => row.id);
  }

  async facts(run: string, after = 0, most = -1): Promise<Fact[]> {
    const sql = "select seq, at, actor, body from facts where run = ? and seq > ? order by seq limit ?";
    return this.file.all<FactRow>(sql, run, after, most).map(toFact);
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

  async brokenAt(run: string): Promise<number | undefined> {
    const sql = "select seq, cast(at as text) as at, actor, body, hash from facts where run = ? order by seq";
    return firstBroken(found(this.runRow(run), run), this.file.all(sql, run), this.written(run));
  }

  private written(run: string): Link {
    return this.file.get<Link>("select seq, hash from ends where run = ?", run) ?? start;
  }

  private runRow(id: string): RunRow | undefined {
    return this.file.get<RunRow>("select id, system, environment, plan from runs where id = ?", id);
  }

  private insert(run: string, facts: readonly Fact[]): void {
    const sql = "select seq, hash from facts where run = ? order by seq desc limit 1";
    const last = this.file.get<Link>(sql, run) ?? start;
    ensureWhole(run, last, this.written(run));
    const rows = chained(run, last, facts);
    for (const { seq, at, actor, body, hash } of rows) {
      this.file.run(
        "insert into facts (run, seq, at, actor, body, hash) values (?, ?, ?, ?, ?, ?)",
        run,
        seq,
        at,
        actor,
        body,
        hash,
      );
    }
    const newest = rows.at(-1);
    if (newest === undefined) return;
    this.file.run(
      "insert or replace into ends (run, seq, hash) values (?, ?, ?)",
      run,
      newest.seq,
      newest.hash,
    );
  }
}

/** Opens, or makes, `<folder>/journal.db`. */
export async function openJournal(folder: string): Promise<Journal> {
  return new Journal(await openJournalFile(join(folder, "journal.db")));
}
