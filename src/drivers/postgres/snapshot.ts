import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { keptFile, settleKept, writeKept } from "./kept-file.js";
import { type Job, snapshotInput } from "./step-input.js";

const lockWaitMs = 30_000;

/** A dump right before what cannot be taken back otherwise: of everything, or of the tables that are overwritten. */
export async function applySnapshot(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const server = serverOf(job.options);
  const file = keptFile(job, context, "dump");
  if ((await files.stat(file)) !== undefined) return { summary: `${file} is there already`, changed: false };
  const { tables = [] } = snapshotInput(job);
  const { major } = await withConnection(server, context, async (connection) => connection);
  const program = await findProgram(
    { name: "pg_dump", atLeast: major, folder: job.options.programs },
    context,
  );
  const only = tables.map((name) => `--table=${name}`);
  const how = ["--format=custom", "--compress=1", `--lock-wait-timeout=${lockWaitMs}`, ...only];
  await writeKept(file, job, context, (part) =>
    runProgram({ ...{ program, server, effect: "none" }, args: [...how, `--file=${part}`] }, context),
  );
  const what = tables.length === 0 ? server.database : tables.join(", ");
  return { summary: `${what} as it is, is in ${file}`, changed: true, data: { file } };
}

export const settleSnapshot = (job: Job, context: StepContext): Promise<Settlement> =>
  settleKept(keptFile(job, context, "dump"), context);
