import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import { journalError } from "./journal-error.js";
import { migrate } from "./journal-schema.js";

/** How long others are waited for, milliseconds. */
const busyMs = 10_000;
const closeMs = 500;

/** An open SQLite file whose failures are `BackoutError`s that name it. A transaction is on disk when it returns. */
export class JournalFile {
  private readonly database: DatabaseSyncInstance;
  private readonly path: string;
  private readonly statements = new Map<string, StatementSyncInstance>();

  constructor(database: DatabaseSyncInstance, path: string) {
    this.database = database;
    this.path = path;
  }

  /**
   * Moves everything into the one file first, so that a copy of it is whole. The binding leaves the write-ahead log
   * open until prepared statements are collected, and cannot end them itself.
   */
  close(): void {
    try {
      // Whoever writes just now closes later, and does it then.
      this.database.exec(`pragma busy_timeout = ${closeMs}; pragma wal_checkpoint(truncate)`);
    } catch {
      // What is in the log stays there, on disk, and is read from there next time.
    }
    this.statements.clear();
    this.database.close();
  }

  /** The first row, its columns as the statement names them. */
  get<Row>(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.guarded(() => this.prepare(sql).get(...values) as Row | undefined);
  }

  all<Row>(sql: string, ...values: (string | number)[]): Row[] {
    return this.guarded(() => this.prepare(sql).all(...values) as Row[]);
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: (string | number)[]): number {
    return this.guarded(() => this.prepare(sql).run(...values).changes);
  }

  transaction<Result>(work: () => Result): Result {
    return this.guarded(() => {
      this.database.exec("begin immediate");
      try {
        const result = work();
        this.database.exec("commit");
        return result;
      } catch (error) {
        if (this.database.isTransaction) this.database.exec("rollback");
        throw error;
      }
    });
  }

  private guarded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw journalError(error, this.path);
    }
  }

  private prepare(sql: string): StatementSyncInstance {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/** Opens the file, or makes it and its folder. */
export async function openJournalFile(path: string): Promise<JournalFile> {
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const folder = dirname(path);
  let database: DatabaseSyncInstance | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
    database = new DatabaseSync(path, { timeout: busyMs });
    migrate(database, path);
    database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on");
    return new JournalFile(database, path);
  } catch (error) {
    database?.close();
    throw journalError(error, path);
  }
}
