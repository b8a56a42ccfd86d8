import type { Connection } from "../../clients/postgres/connection.js";
import { keptSchema } from "./catalog.js";

/** How far a step has come whose statements cannot be in one transaction. In the database itself, so that it is true. */
const table = `${keptSchema}.progress`;

export const prepareProgress = (connection: Connection): Promise<void> =>
  connection.run(
    `create schema if not exists ${keptSchema};
     create table if not exists ${table} (step text primary key, done int not null)`,
  );

export async function doneSegments(connection: Connection, step: string): Promise<number> {
  const { there } = await connection.row<{ there: boolean }>(
    `select to_regclass('${table}') is not null as there`,
  );
  if (!there) return 0;
  const [found] = await connection.rows<{ done: number }>(`select done from ${table} where step = $1`, [
    step,
  ]);
  return found?.done ?? 0;
}

export async function recordProgress(connection: Connection, step: string, done: number): Promise<void> {
  await connection.rows(
    `insert into ${table} values ($1, $2) on conflict (step) do update set done = excluded.done`,
    [step, done],
  );
}

export async function forgetProgress(connection: Connection, step: string): Promise<void> {
  await connection.rows(`delete from ${table} where step = $1`, [step]);
}
