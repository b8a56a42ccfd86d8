import type { ProblemReports } from "../core/problem-report/problem-report.js";
import type { Owner } from "../core/run/fact.js";
import type { RunJournal } from "../core/run/run-journal.js";
import type { RunQueue, RunServer } from "../core/run/run-queue.js";
import { openPostgres } from "../storage/postgres-database.js";
import { PostgresJournal } from "../storage/postgres-journal.js";
import { postgresProblemReports } from "../storage/postgres-problem-reports.js";
import { migratePostgres } from "../storage/postgres-schema.js";
import { migrateDbos } from "./migrate-dbos.js";
import { runQueue } from "./run-queue.js";
import { runServer } from "./run-server.js";

export interface Engine {
  readonly name: string;
  readonly journal: RunJournal;
  readonly queue: RunQueue;
  readonly server: RunServer;
  /** What people reported of a system. */
  reports(system: string): ProblemReports;
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly url: string;
  readonly owner: Owner;
  readonly patienceMs: number;
  readonly connections: number;
}

/** The engine over an existing PostgreSQL. Its first use makes the tables. */
export async function openEngine({ owner, ...options }: EngineOptions): Promise<Engine> {
  const database = await openPostgres(options);
  try {
    await migratePostgres(database, () => migrateDbos(options.url));
  } catch (error) {
    await database.close();
    throw error;
  }
  const queue = runQueue(database);
  return {
    name: database.name,
    journal: new PostgresJournal(database),
    queue,
    server: runServer(database, owner),
    reports: (system) => postgresProblemReports(database, system),
    async close() {
      await queue.close();
      await database.close();
    },
  };
}
