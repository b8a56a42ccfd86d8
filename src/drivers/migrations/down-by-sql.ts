import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { failureOf } from "../../clients/postgres/failure.js";
import { qualified } from "../../clients/postgres/identifier.js";
import { marked } from "../../clients/postgres/session-mark.js";
import type { Outcome, StepContext } from "../../core/driver.js";
import { BackoutError, type Effect } from "../../core/errors.js";
import { capturedCatalog } from "./capture.js";
import { differences, type Line, listed, readCatalog } from "./catalog.js";
import type { Job } from "./job.js";
import { deleteRows, type Entry, readLedger, sameLedger } from "./ledger.js";
import { type Options, type Setup, setupOf } from "./options.js";
import type { Input } from "./plan.js";
import { doneSegments, forgetProgress, prepareProgress, recordProgress } from "./progress.js";
import { allSegments, type ReadScript, readScripts, type Script } from "./scripts.js";
import type { Statement } from "./sql-script.js";

/** As Prisma itself takes it while it migrates. */
const prismaLock = 72_707_369;

interface Work {
  readonly options: Options;
  readonly setup: Setup;
  readonly input: Input;
  readonly then: readonly Line[];
  readonly context: StepContext;
  readonly connection: Connection;
}

/**
 * The team's SQL, then the schema compared with the captured one, and only where they are equal the ledger's rows taken
 * out: all of it in one transaction, or nothing. Where a statement refuses that, up to it, it alone, and from it on.
 */
export async function downBySql(job: Job, input: Input, context: StepContext): Promise<Outcome> {
  const { options } = job;
  const then = await capturedCatalog(context.artifacts);
  const setup = setupOf(options);
  return withConnection(
    serverOf(options),
    context,
    async (connection) => {
      await marked(connection, context);
      const work: Work = { options, setup, input, then, context, connection };
      const now = await readLedger(options, setup, connection, context, input.release);
      if (sameLedger(now, remaining(input))) return { summary: "all taken back already", changed: false };
      refuseOther(now, input);
      const parts = allSegments(await unaltered(input.scripts ?? [], context));
      await connection.run(`set statement_timeout = ${options.timeout}`);
      if (parts.every(([first]) => first?.alone !== true)) await inOne(work, parts.flat());
      else await piecewise(work, parts);
      const names = input.takes.map(({ name }) => name).join(", ");
      return { summary: `${names} taken back; the schema is as captured`, changed: true };
    },
    { lockMs: options.lock_timeout },
  );
}

export const remaining = ({ before, takes }: Input): Entry[] =>
  before.filter((entry) => !takes.some(({ name, row }) => name === entry.name && row === entry.row));

export function refuseOther(now: readonly Entry[], { before }: Input): void {
  if (sameLedger(now, before)) return;
  const other = [
    ...now.filter(({ name }) => !before.some((one) => one.name === name)),
    ...before.filter(({ name }) => !now.some((one) => one.name === name)),
  ].map(({ name }) => name);
  throw new BackoutError(
    "CONFLICT",
    `the ledger is not what the plan saw: ${other.join(", ") || "rows were altered"}`,
    {
      effect: "none",
      hint: "another tool has migrated meanwhile: plan again",
    },
  );
}

async function unaltered(scripts: readonly Script[], { host }: StepContext): Promise<ReadScript[]> {
  const read = await readScripts(scripts, host.files);
  const other = read.find(({ digest }, index) => digest !== scripts[index]?.digest);
  if (other === undefined) return read;
  throw new BackoutError("CONFLICT", `${other.path}: is not what the plan saw`, {
    effect: "none",
    hint: "somebody has changed the script meanwhile: plan again",
  });
}

async function inOne(work: Work, statements: readonly Statement[]): Promise<void> {
  const { connection } = work;
  await connection.run("begin");
  try {
    await lockLedger(work);
    for (const statement of statements) await run(statement, work, "none");
    await compareAndDelete(work, "none, the transaction was rolled back");
  } catch (error) {
    await connection.run("rollback").catch(() => {});
    throw error;
  }
  await commit(connection);
}

/** An answer that does not come leaves open whether it has happened. */
async function commit(connection: Connection): Promise<void> {
  try {
    await connection.run("commit");
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    throw error.leaving("unknown");
  }
}

/** Against the tool itself, and against everybody who would write into the ledger. */
async function lockLedger({ connection, setup, options, input, context }: Work): Promise<void> {
  if (options.tool === "prisma") {
    const { free } = await connection.row<{ free: boolean }>(
      `select pg_try_advisory_xact_lock(${prismaLock}) as free`,
    );
    if (!free) {
      throw new BackoutError("CONFLICT", "Prisma is migrating this database right now", {
        effect: "none",
        hint: "wait until it has ended, or end it, and plan again",
      });
    }
  }
  if (setup.ledger !== undefined) {
    await connection.run(
      `lock table ${qualified(setup.ledger.schema, setup.ledger.name)} in share row exclusive mode`,
    );
  }
  refuseOther(await readLedger(options, setup, connection, context, input.release), input);
}

async function run(statement: Statement, { connection, context }: Work, effect: Effect): Promise<void> {
  context.progress(statement.at);
  try {
    await connection.run(statement.text);
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const left = effect === "none" ? "nothing has changed" : "what stood before it has happened";
    throw new BackoutError(error.code, `${statement.at}: ${error.message}; ${left}`, {
      effect,
      cause: error.cause,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** Only where the schema really is the earlier one. Within a transaction of the caller's. */
async function compareAndDelete(
  { options, setup, input, then, connection }: Work,
  left: string,
): Promise<void> {
  const now = await readCatalog(options, connection);
  const said = differences(then, now);
  if (said.length > 0) {
    throw new BackoutError(
      "REFUSED",
      `the scripts do not lead back to the captured schema: ${listed(said)}`,
      {
        effect: left.startsWith("none") ? "none" : "unknown",
        hint: `effect: ${left}; complete the down script in the newer release, then plan again`,
      },
    );
  }
  await deleteRows(input.takes, setup, connection);
}

/** What is done is on record, in the same transaction where there is one. */
async function piecewise(work: Work, parts: readonly (readonly Statement[])[]): Promise<void> {
  const { connection, context } = work;
  await prepareProgress(connection);
  const done = await doneSegments(connection, context.key);
  for (const [index, part] of parts.entries()) {
    if (index < done) continue;
    const effect = index === 0 ? "none" : "unknown";
    if (part[0]?.alone === true) {
      for (const statement of part) await runAlone(statement, work, index === 0 ? "unknown" : effect);
      await recordProgress(connection, context.key, index + 1);
      continue;
    }
    await connection.run("begin");
    try {
      await lockLedger(work);
      for (const statement of part) await run(statement, work, effect);
      await recordProgress(connection, context.key, index + 1);
    } catch (error) {
      await connection.run("rollback").catch(() => {});
      throw error;
    }
    await commit(connection);
  }
  await connection.run("begin");
  try {
    await lockLedger(work);
    await compareAndDelete(work, "the scripts have run, the ledger is untouched");
    await forgetProgress(connection, context.key);
  } catch (error) {
    await connection.run("rollback").catch(() => {});
    throw error;
  }
  await commit(connection);
}

/** An earlier attempt may have done it and died before it could say so. */
async function runAlone(statement: Statement, work: Work, effect: Effect): Promise<void> {
  try {
    await run(statement, work, effect);
  } catch (error) {
    const kind = error instanceof BackoutError ? failureOf(error.cause)?.kind : undefined;
    const happened =
      (kind === "missing-object" && /^drop\b/i.test(statement.text)) ||
      (kind === "exists" && /^(create|alter type)\b/i.test(statement.text));
    if (work.context.attempt === 1 || !happened) throw error;
    work.context.log(`${statement.at}: was done by an earlier attempt`);
  }
}
