import { canonicalJson } from "../core/json.js";
import type { Owner } from "../core/run/fact.js";
import type { Lease } from "../core/run/run-journal.js";
import type { PostgresDatabase, Queries } from "./postgres-database.js";

interface LeaseRow {
  readonly scope: string;
  readonly run: string;
  readonly owner: string;
  readonly fence: number;
  readonly expires: string;
}

const columns = "scope, run, owner, fence, expires";

export async function leaseOf(queries: Queries, scope: string, lock = ""): Promise<Lease | undefined> {
  const sql = `select ${columns} from backout.leases where scope = $1 and fence > 0 ${lock}`;
  const [row] = await queries.query<LeaseRow>(sql, [scope]);
  if (row === undefined) return undefined;
  return { ...row, owner: JSON.parse(row.owner) as Owner, expires: Number(row.expires) };
}

/** Waits for appends in progress, which hold the row: none of an older owner comes after this. */
export function acquireLease(
  database: PostgresDatabase,
  want: Omit<Lease, "fence">,
  mayTake: (holder: Lease) => boolean,
): Promise<{ taken: boolean; lease: Lease }> {
  return database.transaction(async (queries) => {
    await queries.query(
      `insert into backout.leases (${columns}) values ($1, '', '{}', 0, 0) on conflict do nothing`,
      [want.scope],
    );
    await queries.query("select 1 from backout.leases where scope = $1 for update", [want.scope]);
    const holder = await leaseOf(queries, want.scope);
    const held = holder !== undefined && holder.expires > 0;
    if (held && !mayTake(holder)) return { taken: false, lease: holder };
    const lease = { ...want, fence: (holder?.fence ?? 0) + 1 };
    await queries.query(
      "update backout.leases set run = $2, owner = $3, fence = $4, expires = $5 where scope = $1",
      [lease.scope, lease.run, canonicalJson(lease.owner), lease.fence, lease.expires],
    );
    return { taken: true, lease };
  });
}

/** False when somebody else has taken it meanwhile. */
export async function renewLease(
  database: Queries,
  { scope, fence }: Lease,
  expires: number,
): Promise<boolean> {
  const sql = "update backout.leases set expires = $3 where scope = $1 and fence = $2 returning 1 as kept";
  return (await database.query(sql, [scope, fence, expires])).length > 0;
}
