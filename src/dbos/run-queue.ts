import { randomUUID } from "node:crypto";
import { setTimeout as after } from "node:timers/promises";
import type { DBOSClient } from "@dbos-inc/dbos-sdk";
import type { PoolClient } from "pg";
import { BackoutError } from "../core/errors.js";
import type { RunRecord } from "../core/run/run-journal.js";
import type { RunQueue } from "../core/run/run-queue.js";
import type { PostgresDatabase, Queries } from "../storage/postgres-database.js";
import { insertRun } from "../storage/postgres-journal.js";
import { aliveControllers } from "./controllers.js";
import { ownsDatabase } from "./engine-claims.js";
import { application, queueOf, quietLogger, workflowName } from "./names.js";

/** For how long a run that has ended may still count as executed, until its controller has said so. */
const letGoMs = 10_000;
const letGoPauseMs = 100;

export interface OpenRunQueue extends RunQueue {
  close(): Promise<void>;
}

/** Queues runs as DBOS workflows; one a system and environment, which DBOS's deduplication holds. */
export function runQueue(database: PostgresDatabase): OpenRunQueue {
  let opened: Promise<DBOSClient> | undefined;
  const dbos = (): Promise<DBOSClient> => {
    opened ??= openClient(database.url);
    return opened;
  };

  async function enqueue(client: PoolClient, run: RunRecord, workflowID: string): Promise<void> {
    const options = {
      queueName: queueOf(run.system),
      workflowName,
      workflowID,
      appVersion: application.version,
      deduplicationID: scopeOf(run),
    };
    await (await dbos()).enqueueInTransaction(client, options, run.id, run.environment);
  }

  async function place(run: string): ReturnType<RunQueue["place"]> {
    const client = await dbos();
    const workflows = await client.listWorkflows({
      workflow_id_prefix: run,
      status: ["ENQUEUED", "PENDING"],
      loadInput: false,
    });
    if (workflows.length === 0) return undefined;
    const alive = new Set(await aliveControllers(database));
    return workflows.some((one) => one.status === "PENDING" && alive.has(one.executorId ?? ""))
      ? "running"
      : "queued";
  }

  return {
    async submit(run, first, seen) {
      const { isDuplicate } = await duplicates();
      for (let left = letGoMs; ; left -= letGoPauseMs) {
        try {
          return await database.transaction(async (queries, client) => {
            const scope = scopeOf(run);
            await queries.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [scope]);
            const newest = await newestRun(queries, run);
            if (newest !== undefined && newest !== seen) return newest;
            await insertRun(queries, run, first);
            await enqueue(client, run, run.id);
            return run.id;
          });
        } catch (error) {
          if (!isDuplicate(error)) throw error;
          if (left <= 0) throw notLetGo(run, error);
        }
        await after(letGoPauseMs);
      }
    },
    async again(run) {
      const { isDuplicate } = await duplicates();
      try {
        await database.transaction((_, client) => enqueue(client, run, `${run.id}/${randomUUID()}`));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },
    place,
    controllers: async (system) => (await aliveControllers(database, system)).length,
    owns: (claim) => ownsDatabase(database, claim),
    close: async () => (await opened)?.destroy(),
  };
}

const scopeOf = ({ system, environment }: RunRecord): string => `${system}/${environment}`;

async function openClient(url: string): Promise<DBOSClient> {
  const { DBOSClient } = await import("@dbos-inc/dbos-sdk");
  return DBOSClient.create({
    systemDatabaseUrl: url,
    systemDatabaseSchemaName: application.schema,
    systemDatabasePoolSize: 2,
    applicationName: application.name,
    logger: quietLogger(() => {}),
  });
}

async function duplicates(): Promise<{ isDuplicate: (error: unknown) => boolean }> {
  const { Error: errors } = await import("@dbos-inc/dbos-sdk");
  return { isDuplicate: (error) => error instanceof errors.DBOSQueueDuplicatedError };
}

async function newestRun(queries: Queries, { system, environment }: RunRecord): Promise<string | undefined> {
  const sql = `select id from backout.runs where system = $1 and environment = $2 order by at desc, number desc limit 1`;
  return (await queries.query<{ id: string }>(sql, [system, environment]))[0]?.id;
}

const notLetGo = (run: RunRecord, cause: unknown): BackoutError =>
  new BackoutError("LOCKED", `${scopeOf(run)}: the run before has ended, but no controller has let it go`, {
    effect: "none",
    hint: "start one: backout controller",
    cause,
  });
