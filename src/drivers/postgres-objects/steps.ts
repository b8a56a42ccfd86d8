import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { leftRunning, marked } from "../../clients/postgres/session-mark.js";
import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { whenFree } from "./blockers.js";
import { type Data, type Kept, keptObjects } from "./capture.js";
import { wordsOf } from "./definitions.js";
import { jobsNamed, unscheduling } from "./jobs.js";
import { type Found, type Looked, look } from "./look.js";
import { type ObjectName, sqlName } from "./object-name.js";
import { type Options, wantedAs } from "./options.js";

type Job = StepJob<Options, Data>;

/** What must be there in the end, `undefined` where nothing. */
const goalOf = (job: Job, kept: readonly Kept[]): Kept | undefined =>
  job.operation.startsWith("bring-") ? kept.find(({ object }) => object === job.input["object"]) : undefined;

const reached = (found: Found, goal: Pick<Kept, "digest"> | undefined): boolean =>
  goal === undefined ? found.state === "absent" : found.state === "there" && found.digest === goal.digest;

export async function apply(job: Job, context: StepContext): Promise<Outcome> {
  const { object } = wantedAs(job.options, job.input["object"]);
  const goal = goalOf(job, await keptObjects(context.artifacts));
  return withConnection(
    serverOf(job.options),
    context,
    async (connection) => {
      await marked(connection, context);
      const before = await look(object, connection);
      if (reached(before, goal)) return { summary: `${object.shown}: nothing left to do`, changed: false };
      refuseOther(before, job, context);
      refuseDependents(object, before, goal);
      if (goal === undefined) await remove(object, before, job.options, connection, context);
      else await bring(object, goal, job.options, connection, context);
      const after = await look(object, connection);
      if (!reached(after, goal)) {
        throw new BackoutError(
          "CONFLICT",
          `${object.shown}: is ${after.state} after the step, and not as it should be`,
          {
            effect: "applied",
            hint: "somebody else works on it, or what it is made from has changed; `backout plan` shows what is there",
          },
        );
      }
      const summary = goal === undefined ? "does not exist any more" : "is as captured";
      const replaced = before.create.length === 0 ? {} : { data: { replaced: before.create } };
      return { summary: `${object.shown} ${summary}`, changed: true, ...replaced };
    },
    { lockMs: job.options.lock_timeout },
  );
}

/** An attempt before this one may have left an index invalid; anything else that the plan did not see is somebody else's. */
function refuseOther(now: Found, job: Job, { attempt }: StepContext): void {
  if (now.digest === job.input["seen"] || now.state === "invalid") return;
  if (attempt > 1 && now.state === "absent" && job.operation.startsWith("bring-")) return;
  throw new BackoutError("CONFLICT", `${now.object}: is something else than when the plan was made`, {
    effect: "none",
    hint: "somebody has changed it meanwhile: plan again",
  });
}

/** It would be refused by the server too, without all the names. */
function refuseDependents(object: ObjectName, { dependents }: Found, goal: Kept | undefined): void {
  const dropped = goal === undefined || object.kind === "view" || object.kind === "materialized_view";
  if (!dropped || dependents.length === 0) return;
  const names = dependents.map(({ name }) => name).join(", ");
  throw new BackoutError("CONFLICT", `${object.shown}: is not dropped, since it would take along: ${names}`, {
    effect: "none",
    hint: "name them under `made` or `dropped` too, or drop them by hand, and plan again",
  });
}

async function remove(
  object: ObjectName,
  found: Looked,
  options: Options,
  connection: Connection,
  context: StepContext,
): Promise<void> {
  if (object.kind === "job") {
    const jobs = await jobsNamed(object.name, connection);
    await inOne(jobs.map(unscheduling), connection);
    return;
  }
  await patiently(object, found, options, connection, context, false, () =>
    connection.run(dropping(object, found)),
  );
}

/** An index of a partitioned table cannot be dropped concurrently. */
const dropping = (object: ObjectName, { create }: Pick<Found, "create">): string => {
  const concurrently = isConcurrent(object, create) ? "CONCURRENTLY " : "";
  return `DROP ${wordsOf(object)[0]} ${concurrently}${sqlName(object)} RESTRICT`;
};

const isConcurrent = (object: ObjectName, create: readonly string[]): boolean =>
  object.kind === "index" && !/^CREATE (UNIQUE )?INDEX \S.* ON ONLY /.test(create[0] ?? "");

async function bring(
  object: ObjectName,
  goal: Kept,
  options: Options,
  connection: Connection,
  context: StepContext,
): Promise<void> {
  if (object.kind === "job") {
    const jobs = await jobsNamed(object.name, connection);
    await inOne([...jobs.map(unscheduling), ...goal.create], connection);
    return;
  }
  const found = await look(object, connection);
  await patiently(
    object,
    found,
    options,
    connection,
    context,
    isConcurrent(object, goal.create),
    async () => {
      const now = await look(object, connection);
      const drop = now.state === "absent" || object.kind === "function" ? [] : [dropping(object, now)];
      if (!isConcurrent(object, goal.create)) return inOne([...drop, ...goal.create], connection);
      // One statement a call: neither of them may be inside a transaction.
      const [create = "", ...more] = goal.create;
      const concurrent = create.replace(/^(CREATE (?:UNIQUE )?INDEX) /, "$1 CONCURRENTLY ");
      for (const statement of [...drop, concurrent, ...more]) await connection.run(statement);
    },
  );
}

function patiently(
  object: ObjectName,
  found: Looked,
  options: Options,
  connection: Connection,
  context: StepContext,
  snapshots: boolean,
  attempt: () => Promise<void>,
): Promise<void> {
  const { lock_timeout: lockMs, patience: patienceMs } = options;
  const relations = found.oids === undefined ? [] : [found.oids.oid, found.oids.table];
  const left = async () => {
    const now = await look(object, connection);
    return now.digest === found.digest && now.state === found.state ? "none" : "unknown";
  };
  const waiting = { object: object.shown, relations, snapshots, lockMs, patienceMs };
  return whenFree(waiting, connection, context, attempt, left);
}

/** All or nothing. */
async function inOne(statements: readonly string[], connection: Connection): Promise<void> {
  await connection.run("begin");
  try {
    for (const statement of statements) await connection.run(statement);
    await connection.run("commit");
  } catch (error) {
    await connection.run("rollback").catch(() => {});
    throw error;
  }
}

export async function settle(job: Job, context: StepContext): Promise<Settlement> {
  const { object } = wantedAs(job.options, job.input["object"]);
  const goal = job.operation.startsWith("bring-")
    ? job.captured?.data.objects.find((one) => one.object === object.shown)
    : undefined;
  return withConnection(serverOf(job.options), context, async (connection) => {
    if (await leftRunning(connection, context)) {
      return { state: "unknown", summary: `${object.shown}: the server still works on it` };
    }
    const now = await look(object, connection);
    if (reached(now, goal)) return { state: "applied", summary: `${object.shown}: done` };
    const asSeen = now.digest === job.input["seen"] && now.state !== "invalid";
    return { state: asSeen ? "not-applied" : "partial", summary: `${object.shown}: ${now.state}` };
  });
}
