import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import type { Plan } from "../core/plan/plan.js";
import type { Fact, FactBody, FactEnvelope, Owner } from "../core/run/fact.js";
import type { Fence, Lease, PersonRequest, RunJournal, RunRecord } from "../core/run/run-journal.js";
import { journalError } from "./journal-error.js";
import { migrate } from "./journal-schema.js";

/**
 * The journal of all runs of one state folder: an SQLite file, each append one transaction that is on disk when the
 * call returns. Each fact carries the hash of the one before it, so that a later change is evident.
 */
export class Journal implements RunJournal {
  private readonly database: DatabaseSyncInstance;
  private readonly statements = new Map<string, StatementSyncInstance>();
  private readonly path: string;

  constructor(database: DatabaseSyncInstance, path: string) {
    this.database = database;
    this.path = path;
  }

  close(): void {
    this.database.close();
  }

  createRun(run: RunRecord, first: readonly Fact[]): void {
    this.transaction(() => {
      this.prepare("insert into runs (id, system, environment, plan, at) values (?, ?, ?, ?, ?)").run(
        run.id,
        run.system,
        run.environment,
        canonicalJson(run.plan),
        first[0]?.at ?? 0,
      );
      this.insert(run.id, first);
    });
  }

  run(id: string): RunRecord {
    const row = this.prepare("select id, system, environment, plan from runs where id = ?").get(id) as
      | RunRow
      | undefined;
    if (row === undefined) {
      throw new BackoutError("NOT_FOUND", `there is no run "${id}"`, { hint: "backout history" });
    }
    return {
      id: row.id,
      system: row.system,
      environment: row.environment,
      plan: JSON.parse(row.plan) as Plan,
    };
  }

  /** Ids of this system's and environment's runs, oldest first. */
  runIds(system: string, environment: string): string[] {
    const rows = this.prepare("select id from runs where system = ? and environment = ? order by at, id").all(
      system,
      environment,
    ) as { id: string }[];
    return rows.map((row) => row.id);
  }

  facts(run: string, after = 0): Fact[] {
    const rows = this.prepare(
      "select seq, at, actor, body from facts where run = ? and seq > ? order by seq",
    ).all(run, after) as FactRow[];
    return rows.map(toFact);
  }

  append(run: string, facts: readonly Fact[], fence: Fence, answered: readonly number[] = []): void {
    this.transaction(() => {
      if (this.lease(fence.scope)?.fence !== fence.fence) {
        throw new BackoutError("FENCED", `run "${run}" has been taken over by another process`, {
          effect: "none",
          hint: "backout status",
        });
      }
      this.insert(run, facts);
      for (const id of answered) this.prepare("delete from requests where id = ?").run(id);
    });
  }

  request(run: string, request: PersonRequest): void {
    this.transaction(() => {
      this.prepare("insert into requests (run, body) values (?, ?)").run(run, canonicalJson(request));
    });
  }

  requests(run: string): { id: number; request: PersonRequest }[] {
    const rows = this.prepare("select id, body from requests where run = ? order by id").all(run) as {
      id: number;
      body: string;
    }[];
    return rows.map((row) => ({ id: row.id, request: JSON.parse(row.body) as PersonRequest }));
  }

  lease(scope: string): Lease | undefined {
    const row = this.prepare("select scope, run, owner, fence, expires from leases where scope = ?").get(
      scope,
    ) as LeaseRow | undefined;
    if (row === undefined) return undefined;
    return { ...row, owner: JSON.parse(row.owner) as Owner };
  }

  /**
   * Takes the lease if it is free or `mayTake` agrees to take it over from its present holder, in one transaction.
   * Returns the lease, or the one of the holder that keeps it.
   */
  acquire(want: Omit<Lease, "fence">, mayTake: (holder: Lease) => boolean): { taken: boolean; lease: Lease } {
    return this.transaction(() => {
      const holder = this.lease(want.scope);
      const held = holder !== undefined && holder.expires > 0;
      if (held && !mayTake(holder)) return { taken: false, lease: holder };
      const lease = { ...want, fence: (holder?.fence ?? 0) + 1 };
      this.prepare(
        "insert or replace into leases (scope, run, owner, fence, expires) values (?, ?, ?, ?, ?)",
      ).run(lease.scope, lease.run, canonicalJson(lease.owner), lease.fence, lease.expires);
      return { taken: true, lease };
    });
  }

  /** False when somebody else has taken it meanwhile. */
  renew(lease: Lease, expires: number): boolean {
    return this.updateLease(lease, expires);
  }

  /** Keeps the row, and with it the fence number: the next owner gets a higher one. */
  release(lease: Lease): void {
    this.updateLease(lease, 0);
  }

  /** Recomputes the hash chain of a run. Returns the first sequence number that does not fit, if any. */
  brokenAt(run: string): number | undefined {
    const rows = this.prepare("select seq, at, actor, body, hash from facts where run = ? order by seq").all(
      run,
    ) as (FactRow & { hash: string })[];
    let before = "";
    for (const [index, row] of rows.entries()) {
      if (
        row.seq !== index + 1 ||
        row.hash !== chainHash(run, before, row.seq, row.at, row.actor, row.body)
      ) {
        return index + 1;
      }
      before = row.hash;
    }
    return undefined;
  }

  private insert(run: string, facts: readonly Fact[]): void {
    const last = this.prepare("select seq, hash from facts where run = ? order by seq desc limit 1").get(
      run,
    ) as { seq: number; hash: string } | undefined;
    let { seq: before, hash } = last ?? { seq: 0, hash: "" };
    const statement = this.prepare(
      "insert into facts (run, seq, at, actor, body, hash) values (?, ?, ?, ?, ?, ?)",
    );
    for (const { seq, at, actor, ...body } of facts) {
      if (seq !== before + 1) {
        throw new BackoutError("CONFLICT", `fact ${seq} of run "${run}" would follow fact ${before}`, {
          effect: "none",
        });
      }
      const text = JSON.stringify(body);
      hash = chainHash(run, hash, seq, at, actor, text);
      statement.run(run, seq, at, actor, text, hash);
      before = seq;
    }
  }

  private updateLease(lease: Lease, expires: number): boolean {
    return this.transaction(() => {
      const result = this.prepare("update leases set expires = ? where scope = ? and fence = ?").run(
        expires,
        lease.scope,
        lease.fence,
      );
      return result.changes > 0;
    });
  }

  private prepare(sql: string): StatementSyncInstance {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private transaction<Result>(work: () => Result): Result {
    try {
      this.database.exec("begin immediate");
      const result = work();
      this.database.exec("commit");
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("rollback");
      throw journalError(error, this.path);
    }
  }
}

interface RunRow {
  id: string;
  system: string;
  environment: string;
  plan: string;
}

interface FactRow {
  seq: number;
  at: number;
  actor: string;
  body: string;
}

interface LeaseRow {
  scope: string;
  run: string;
  owner: string;
  fence: number;
  expires: number;
}

function toFact(row: FactRow): Fact {
  const envelope: FactEnvelope = { seq: row.seq, at: row.at, actor: row.actor };
  return { ...envelope, ...(JSON.parse(row.body) as FactBody) } as Fact;
}

function chainHash(
  run: string,
  before: string,
  seq: number,
  at: number,
  actor: string,
  body: string,
): string {
  return createHash("sha256").update(`${before}\n${run}\n${seq}\n${at}\n${actor}\n${body}`).digest("hex");
}

/** Opens, or makes, `<folder>/journal.db`. */
export async function openJournal(folder: string): Promise<Journal> {
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const path = join(folder, "journal.db");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
    const database = new DatabaseSync(path, { timeout: 10_000 });
    database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on");
    migrate(database, path);
    return new Journal(database, path);
  } catch (error) {
    throw journalError(error, path);
  }
}
