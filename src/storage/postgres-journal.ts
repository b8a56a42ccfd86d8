import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import type { Fact } from "../core/run/fact.js";
import type { Fence, Lease, PersonRequest, RunJournal, RunRecord } from "../core/run/run-journal.js";
import {
  chained,
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
import type { PostgresDatabase, Queries } from "./postgres-database.js";
import { acquireLease, leaseOf, renewLease } from "./postgres-leases.js";

type TextRow = Omit<FactRow, "at"> & { readonly at: string };

const insertFacts = `insert into backout.facts (run, seq, at, actor, body, hash)
  select $1, f.seq, f.at, f.actor, f.body, f.hash
  from unnest($2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[]) as f (seq, at, actor, body, hash)`;

/**
 * One statement, hence one round trip: the lease's row is locked against a takeover, the end of the chain is compared,
 * and only then the facts go in and the answered requests out.
 */
const appendFacts = `with held as (
    select 1 from backout.leases where scope = $7 and fence = $8 for key share
  ), fits as (
    select 1 from held where coalesce(
      (select hash from backout.facts where run = $1 order by seq desc limit 1), '') = $9
  ), gone as (
    delete from backout.requests where id = any ($10::integer[]) and exists (select 1 from fits)
  ), written as (
    ${insertFacts} where exists (select 1 from fits)
  )
  select exists (select 1 from held) as held, exists (select 1 from fits) as fits`;

/** The journal of all runs, in the schema `backout` of a PostgreSQL database. The same chain as in the file. */
export class PostgresJournal implements RunJournal {
  private readonly database: PostgresDatabase;
  /** The ends of the chains that this process has written. */
  private readonly ends = new Map<string, Link>();

  constructor(database: PostgresDatabase) {
    this.database = database;
  }

  close(): Promise<void> {
    return this.database.close();
  }

  createRun(run: RunRecord, first: readonly Fact[]): Promise<void> {
    return this.database.transaction((queries) => insertRun(queries, run, first));
  }

  async run(id: string): Promise<RunRecord> {
    return toRun(await this.runRow(id), id);
  }

  async runIds(system: string, environment: string): Promise<string[]> {
    const sql = "select id from backout.runs where system = $1 and environment = $2 order by at, number";
    return (await this.database.query<{ id: string }>(sql, [system, environment])).map(({ id }) => id);
  }

  async facts(run: string, after = 0, most?: number): Promise<Fact[]> {
    const rows = await factRows(this.database, run, after, most);
    return rows.map((row) => toFact({ ...row, at: Number(row.at) }));
  }

  async append(
    run: string,
    facts: readonly Fact[],
    { scope, fence }: Fence,
    answered: readonly number[] = [],
  ): Promise<void> {
    const first = facts[0]?.seq;
    const known = this.ends.get(run);
    const last = first === undefined || known?.seq === first - 1 ? known : undefined;
    const end = last ?? (await endOf(this.database, run, first));
    const rows = chained(run, end, facts);
    const values = [...columnsOf(run, rows), scope, fence, end.hash, answered];
    const [result] = await this.database.query<{ held: boolean; fits: boolean }>(appendFacts, values);
    if (!result?.held) throw fenced(run);
    if (!result.fits && !(await isWritten(this.database, run, rows))) {
      throw new BackoutError("CONFLICT", `fact ${first} of run "${run}" does not follow what is there`, {
        effect: "none",
      });
    }
    this.ends.set(run, rows.at(-1) ?? end);
  }

  async request(run: string, request: PersonRequest): Promise<void> {
    const sql = "insert into backout.requests (run, body) values ($1, $2)";
    await this.database.query(sql, [run, canonicalJson(request)]);
  }

  async requests(run: string): Promise<{ id: number; request: PersonRequest }[]> {
    const sql = "select id, body from backout.requests where run = $1 order by id";
    const rows = await this.database.query<{ id: number; body: string }>(sql, [run]);
    return rows.map(({ id, body }) => ({ id, request: JSON.parse(body) as PersonRequest }));
  }

  lease(scope: string): Promise<Lease | undefined> {
    return leaseOf(this.database, scope);
  }

  acquire(
    want: Omit<Lease, "fence">,
    mayTake: (holder: Lease) => boolean,
  ): Promise<{ taken: boolean; lease: Lease }> {
    return acquireLease(this.database, want, mayTake);
  }

  renew(lease: Lease, expires: number): Promise<boolean> {
    return renewLease(this.database, lease, expires);
  }

  async release(lease: Lease): Promise<void> {
    this.ends.delete(lease.run);
    await this.renew(lease, 0);
  }

  async brokenAt(run: string): Promise<number | undefined> {
    return firstBroken(found(await this.runRow(run), run), await factRows(this.database, run, 0));
  }

  private async runRow(id: string): Promise<RunRow | undefined> {
    const sql = "select id, system, environment, plan from backout.runs where id = $1";
    return (await this.database.query<RunRow>(sql, [id]))[0];
  }
}

/** Within a transaction; once more with the same run changes nothing, since a lost commit may be repeated. */
export async function insertRun(queries: Queries, run: RunRecord, first: readonly Fact[]): Promise<void> {
  const { id, system, environment, plan } = run;
  const made = await queries.query(
    `insert into backout.runs (id, system, environment, plan, at) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning id`,
    [id, system, environment, planText(plan), first[0]?.at ?? 0],
  );
  if (made.length > 0) await queries.query(insertFacts, columnsOf(id, chained(id, start, first)));
}

const columnsOf = (run: string, rows: readonly FactRow[]): unknown[] => [
  run,
  rows.map(({ seq }) => seq),
  rows.map(({ at }) => at),
  rows.map(({ actor }) => actor),
  rows.map(({ body }) => body),
  rows.map(({ hash }) => hash),
];

function factRows(queries: Queries, run: string, after: number, most?: number): Promise<TextRow[]> {
  const sql = `select seq, at::text as at, actor, body, hash from backout.facts
    where run = $1 and seq > $2 order by seq limit $3`;
  return queries.query<TextRow>(sql, [run, after, most ?? null]);
}

/** What `first` has to follow; the newest fact where nothing is to be written. */
async function endOf(queries: Queries, run: string, first: number | undefined): Promise<Link> {
  const sql = `select seq, hash from backout.facts where run = $1 and seq < $2 order by seq desc limit 1`;
  return (await queries.query<Link>(sql, [run, first ?? 2 ** 31 - 1]))[0] ?? start;
}

/** Whether these facts are there already: the connection was lost after they had been committed. */
async function isWritten(queries: Queries, run: string, rows: readonly FactRow[]): Promise<boolean> {
  const there = await factRows(queries, run, (rows[0]?.seq ?? 1) - 1);
  return rows.length === there.length && rows.every(({ hash }, index) => there[index]?.hash === hash);
}

const fenced = (run: string): BackoutError =>
  new BackoutError("FENCED", `run "${run}" has been taken over by another process`, {
    effect: "none",
    hint: "backout status",
  });
