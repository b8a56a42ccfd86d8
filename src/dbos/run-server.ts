import { randomBytes } from "node:crypto";
import type { Owner } from "../core/run/fact.js";
import type { Assignment, RunServer, ServerEvent } from "../core/run/run-queue.js";
import type { PostgresDatabase } from "../storage/postgres-database.js";
import { migratingAlone } from "../storage/postgres-schema.js";
import { bePresent } from "./controllers.js";
import { migrateDbos } from "./migrate-dbos.js";
import { application, queueOf, quietLogger, workflowName } from "./names.js";
import { watchPeers } from "./watch-peers.js";

/** Runs that one controller executes at a time; more wait, or go to another one. */
const runsAtATime = 100;
const lookForRunsEveryMs = 200;

/**
 * Executes queued runs as DBOS workflows: one a run, with the shared execution loop as its single step (docs/adr/0005).
 * DBOS says who executes what; everything about the run itself is in its facts.
 */
export function runServer(database: PostgresDatabase, owner: Owner): RunServer {
  return {
    async serve({ system, signal, execute, tell }) {
      // DBOS calls its client in a way that a later version of it will refuse; that is for its authors, not for ours.
      process.noDeprecation = true;
      const { DBOS } = await import("@dbos-inc/dbos-sdk");
      const { DBOSExecutor } = await import("@dbos-inc/dbos-sdk/internal/dbos-executor");
      const id = `${owner.host}-${owner.pid}-${randomBytes(4).toString("hex")}`;
      const trouble = (message: string): void => tell({ type: "trouble", message });
      // A later backout may bring a later DBOS.
      await migratingAlone(database, () => migrateDbos(database.url));
      const presence = await bePresent(database.url, { id, system, owner });
      const atWork = new Set<Promise<unknown>>();
      DBOS.setConfig({
        name: application.name,
        applicationVersion: application.version,
        executorID: id,
        systemDatabaseUrl: database.url,
        systemDatabaseSchemaName: application.schema,
        systemDatabasePoolSize: 8,
        listenQueues: [queueOf(system)],
        logger: quietLogger(trouble),
        runMigrations: false,
      });
      DBOS.registerWorkflow(
        (run: string, environment: string) => {
          const work = perform({ run, environment }, { execute, tell });
          atWork.add(work);
          const ended = work.finally(() => atWork.delete(work));
          // A step that returns is over for good. One whose run is left must not: another controller begins it again.
          const step = async () => ((await ended) === "left" ? neverEnding() : undefined);
          return DBOS.runStep(step, { name: "execute" });
        },
        // Each takeover is an attempt, and no number of them is a reason to give a run up.
        { name: workflowName, maxRecoveryAttempts: 1_000_000 },
      );
      await DBOS.launch();
      await DBOS.registerQueue(queueOf(system), {
        workerConcurrency: runsAtATime,
        minPollingIntervalMs: lookForRunsEveryMs,
        onConflict: "always_update",
      });
      tell({ type: "ready", controller: id, engine: database.name });
      await watchPeers({
        database,
        signal,
        assigned: async () => {
          const runs = await DBOS.listWorkflows({
            status: "PENDING",
            queueName: queueOf(system),
            loadInput: false,
          });
          return [...new Set(runs.map(({ executorId = "" }) => executorId))];
        },
        dead: async (from) => {
          const runs = await DBOSExecutor.globalInstance?.recoverPendingWorkflows([...from]);
          if (runs === undefined || runs.length === 0) return;
          tell({ type: "takeover", from: from.join(", "), runs: runs.map(({ workflowID }) => workflowID) });
        },
        trouble: (error) => trouble(error instanceof Error ? error.message : String(error)),
      });
      await Promise.allSettled(atWork);
      await presence.leave();
      await DBOS.shutdown({ deregister: true });
    },
  };
}

async function perform(
  assignment: Assignment,
  { execute, tell }: Pick<Parameters<RunServer["serve"]>[0], "execute" | "tell">,
): Promise<"ended" | "left"> {
  tell({ type: "assigned", ...assignment });
  const end = await execute(assignment);
  tell({ type: end, ...assignment } satisfies ServerEvent);
  return end;
}

const neverEnding = (): Promise<never> => new Promise(() => {});
