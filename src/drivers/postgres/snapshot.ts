import { join } from "node:path/posix";
import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { capturedOf, type Job } from "./step-input.js";

const lockWaitMs = 30_000;

/** By the step's key, so that it is found again; it has this name only when it is whole. */
function fileOf(job: Job, context: StepContext): string {
  const name = `${capturedOf(job).database.name}-${context.key}`.replace(/[^A-Za-z0-9._-]+/g, "-");
  return context.host.files.resolve(join(job.options.snapshots, `${name}.dump`));
}

export async function applySnapshot(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const server = serverOf(job.options);
  const file = fileOf(job, context);
  if ((await files.stat(file)) !== undefined) return { summary: `${file} is there already`, changed: false };
  const { major } = await withConnection(server, context, async (connection) => connection);
  const program = await findProgram(
    { name: "pg_dump", atLeast: major, folder: job.options.programs },
    context,
  );
  const folder = context.host.files.resolve(job.options.snapshots);
  if ((await files.stat(folder)) === undefined) await files.makeDirectory(folder, 0o700);
  const part = `${file}.part`;
  try {
    await files.write(part, "", { mode: 0o600 });
    await runProgram(
      {
        ...{ program, server, effect: "none" },
        args: ["--format=custom", "--compress=1", `--lock-wait-timeout=${lockWaitMs}`, `--file=${part}`],
      },
      context,
    );
  } catch (error) {
    await files.remove(part);
    throw error;
  }
  await files.rename(part, file);
  return { summary: `${server.database} as it is, is in ${file}`, changed: true, data: { file } };
}

export async function settleSnapshot(job: Job, context: StepContext): Promise<Settlement> {
  const file = fileOf(job, context);
  if ((await context.host.files.stat(file)) !== undefined)
    return { state: "applied", summary: `${file} is there` };
  return (await context.host.files.stat(`${file}.part`)) === undefined
    ? { state: "not-applied", summary: `${file} is not there` }
    : { state: "partial", summary: `${file} is written in part` };
}
