import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import { resultCode, resultOf } from "./sqlite-error.js";

/**
 * A connection without prepared statements: the library frees those only when they are collected as garbage, and until
 * then the closed connection would keep the file open, and with a write-ahead log locked.
 */
export interface Database {
  readonly handle: DatabaseSyncInstance;
  exec(sql: string): void;
  /** The rows of a query that yields `width` columns. */
  rows(width: number, query: string): Value[][];
  close(): void;
}

type Value = string | number | bigint | null | Uint8Array;

const load = () => import("@photostructure/sqlite");

/** Copies page by page into a file that exists and is empty, so that its mode and owner stay. */
export async function copyDatabase(
  from: Database,
  to: string,
  each: (done: number, total: number) => void,
): Promise<void> {
  const { backup } = await load();
  await backup(from.handle, to, {
    rate: 2000,
    progress: ({ totalPages, remainingPages }) => each(totalPages - remainingPages, totalPages),
  });
}

/** A file that nobody writes to: opened without lock and side files, so that nothing appears beside it. */
export async function openFrozen(path: string): Promise<Database> {
  const { DatabaseSync } = await load();
  return wrap(new DatabaseSync(frozenUri(path), { readOnly: true }));
}

export const frozenUri = (path: string): string => `${pathToFileURL(path).href}?immutable=1`;

const readLockMs = 15_000;

/**
 * The live file, in one read transaction until it is closed. A crashed writer's journal can only be rolled back by a
 * writer: opened for writing just then.
 */
export async function openLive(path: string): Promise<Database> {
  const { DatabaseSync } = await load();
  const begun = performance.now();
  let toWrite = false;
  let database = wrap(new DatabaseSync(path, { readOnly: true, timeout: 10 }));
  for (;;) {
    try {
      database.exec("BEGIN; SELECT count(*) FROM sqlite_schema;");
      return database;
    } catch (error) {
      if (database.handle.isTransaction) database.exec("ROLLBACK");
      const code = resultOf(error);
      // Asked often, since SQLite's own wait gets longer each time and loses against a busy writer.
      if (code === resultCode.busy && performance.now() - begun < readLockMs) {
        await setTimeout(2);
        continue;
      }
      database.close();
      if (code !== resultCode.readOnly || toWrite) throw error;
      toWrite = true;
      database = await openToWrite(path, 10);
    }
  }
}

/** Never creates the file. */
export async function openToWrite(path: string, timeout: number): Promise<Database> {
  const { DatabaseSync } = await load();
  const uri = `${pathToFileURL(path).href}?mode=rw`;
  return wrap(new DatabaseSync(uri, { timeout, enableForeignKeyConstraints: false }));
}

/** Rows come as arguments of a function called once a row; materialised first, so that they keep the query's order. */
function wrap(handle: DatabaseSyncInstance): Database {
  let found: Value[][] = [];
  handle.function("backout_row", { varargs: true, useBigIntArguments: true }, (...row: Value[]) => {
    found.push(row);
    return null;
  });
  return {
    handle,
    exec: (sql) => handle.exec(sql),
    rows: (width, query) => {
      const names = Array.from({ length: width }, (_, index) => `c${index}`).join(", ");
      found = [];
      handle.exec(`WITH found(${names}) AS MATERIALIZED (${query}) SELECT backout_row(${names}) FROM found`);
      return found;
    },
    close: () => handle.close(),
  };
}

export const first = (database: Database, query: string): Value => database.rows(1, query)[0]?.[0] ?? null;

export const count = (database: Database, query: string): number => Number(first(database, query));

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `wal`, `delete`, … */
export const journalModeOf = (database: Database): string =>
  String(first(database, "SELECT journal_mode FROM pragma_journal_mode"));

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
