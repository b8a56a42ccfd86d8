import type { Connection } from "../../clients/postgres/connection.js";
import { BackoutError } from "../../core/errors.js";

/** They outlive their connections and cannot be ended for their owner: only he knows whether to commit. */
export async function refusePrepared(connection: Connection, database: string): Promise<void> {
  const rows = await connection.rows<{ gid: string; owner: string; age: number }>(
    `select gid, owner, extract(epoch from clock_timestamp() - prepared)::int as age
     from pg_prepared_xacts where database = $1 order by prepared`,
    [database],
  );
  if (rows.length === 0) return;
  const each = rows.map(({ gid, owner, age }) => `"${gid}" (${owner}, ${age} s old)`).join(", ");
  throw new BackoutError(
    "CONFLICT",
    `${database}: has prepared transactions, which keep it from being replaced: ${each}`,
    {
      effect: "none",
      hint: `in that database: COMMIT PREPARED or ROLLBACK PREPARED '${rows[0]?.gid ?? ""}'; then again`,
    },
  );
}
