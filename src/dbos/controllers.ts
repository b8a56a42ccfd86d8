import type { Owner } from "../core/run/fact.js";
import type { Queries } from "../storage/postgres-database.js";

/** A controller that has not been heard of for this long is taken for stuck. Milliseconds. */
export const stuckAfterMs = 15_000;
const beatEveryMs = 1_000;

/** First half of the advisory locks' key; the second is a hash of the controller's name. */
const lockClass = 7_822_022;

/**
 * A controller lives while its session holds its lock and it has been heard of. The lock goes with the process or its
 * connection, at once; a stopped process keeps it, but is not heard of. By the server's clock: nobody's own matters.
 */
const isAlive = `c.beat > clock_timestamp() - interval '${stuckAfterMs} milliseconds' and exists (
  select 1 from pg_locks l join pg_database d on d.oid = l.database
  where d.datname = current_database() and l.locktype = 'advisory' and l.granted and l.classid = ${lockClass}
    and l.objid = (hashtext(c.id)::bigint & 4294967295)::oid)`;

export async function aliveControllers(queries: Queries, system?: string): Promise<string[]> {
  const sql = `select c.id from backout.controllers c where ${isAlive} and ($1::text is null or c.system = $1)`;
  return (await queries.query<{ id: string }>(sql, [system ?? null])).map(({ id }) => id);
}

export interface Presence {
  leave(): Promise<void>;
}

/**
 * Shows that this controller lives, until it leaves. The session is made anew when it is lost: the lock shows the
 * process, not one connection.
 */
export async function bePresent(
  url: string,
  { id, system, owner }: { id: string; system: string; owner: Owner },
): Promise<Presence> {
  const { Client } = (await import("pg")).default;
  const connect = async () => {
    const client = new Client({ connectionString: url, keepAlive: true, query_timeout: 5_000 });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  let session: Awaited<ReturnType<typeof connect>> | undefined;
  const beat = async (): Promise<void> => {
    session ??= await connect();
    await session.query(
      `select pg_try_advisory_lock($1, hashtext($2)) where not exists (
         select 1 from pg_locks where pid = pg_backend_pid() and locktype = 'advisory' and classid = $1::oid)`,
      [lockClass, id],
    );
    await session.query(
      `insert into backout.controllers (id, system, owner) values ($1, $2, $3)
       on conflict (id) do update set beat = clock_timestamp()`,
      [id, system, JSON.stringify(owner)],
    );
  };
  const end = async (): Promise<void> => {
    const old = session;
    session = undefined;
    await old?.end().catch(() => {});
  };
  await beat();
  let left = false;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> = Promise.resolve();
  const again = (): void => {
    timer = setTimeout(() => {
      beating = beat()
        .catch(end)
        .then(() => {
          if (!left) again();
        });
    }, beatEveryMs);
  };
  again();
  return {
    async leave() {
      left = true;
      clearTimeout(timer);
      await beating;
      await session?.query("delete from backout.controllers where id = $1", [id]).catch(() => {});
      await end();
    },
  };
}
