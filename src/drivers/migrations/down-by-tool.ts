import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { marked, markOf } from "../../clients/postgres/session-mark.js";
import type { Outcome, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CommandResult } from "../../core/ports.js";
import { capturedCatalog } from "./capture.js";
import { differences, fingerprintOf, listed, readCatalog } from "./catalog.js";
import { refuseOther, remaining } from "./down-by-sql.js";
import type { Job } from "./job.js";
import { readLedger, sameLedger } from "./ledger.js";
import { type Options, setupOf } from "./options.js";
import type { Input } from "./plan.js";
import { runTool } from "./run-tool.js";

/** The tool's own down step, run in the newer release; the ledger is read before and after, whatever the tool says. */
export async function downByTool(job: Job, input: Input, context: StepContext): Promise<Outcome> {
  const { options } = job;
  const setup = setupOf(options);
  const { way } = setup;
  const [entry] = input.takes;
  if (entry === undefined || "script" in way) {
    throw new BackoutError("INTERNAL", `${job.operation}: names no migration of a tool`, { effect: "none" });
  }
  const then = await capturedCatalog(context.artifacts);
  return withConnection(
    serverOf(options),
    context,
    async (connection) => {
      await marked(connection, context);
      const ledger = () => readLedger(options, setup, connection, context, input.release);
      const now = await ledger();
      if (sameLedger(now, remaining(input)))
        return { summary: `${entry.name} is taken back already`, changed: false };
      refuseOther(now, input);
      await status(options, input.release, connection, context);
      const before = fingerprintOf(await readCatalog(options, connection));
      const argv = way.down.map((word) => word.replaceAll("{migration}", entry.name));
      const result = await runTool(argv, input.release, options, connection.server, context, markOf(context));
      for (const line of lastLines(result)) context.log(line);
      const after = await ledger();
      await status(options, input.release, connection, context);
      const catalog = await readCatalog(options, connection);
      if (!sameLedger(after, remaining(input))) {
        const untouched = sameLedger(after, now) && fingerprintOf(catalog) === before;
        throw failed(argv, result, entry.name, untouched);
      }
      if (result.exitCode !== 0)
        context.log(`${argv.join(" ")}: ${ended(result)}, but the migration is taken back`);
      const differs = input.last === true ? differences(then, catalog) : [];
      if (differs.length > 0) context.log(`the schema is not as captured: ${listed(differs)}`);
      return { summary: `${entry.name} taken back by ${options.tool}`, changed: true };
    },
    { lockMs: options.lock_timeout },
  );
}

async function status(
  options: Options,
  release: string,
  connection: Connection,
  context: StepContext,
): Promise<void> {
  if (options.status === undefined) return;
  // Some tools exit with 1 where migrations are pending: it is told, not judged.
  const result = await runTool(options.status, release, options, connection.server, context);
  for (const line of lastLines(result)) context.log(`status: ${line}`);
}

const lastLines = ({ stdout, stderr }: CommandResult): string[] =>
  `${stdout}\n${stderr}`
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-50);

const ended = ({ exitCode, signal, timedOut, ms }: CommandResult): string =>
  timedOut
    ? `was ended after ${Math.round(ms / 1000)} s`
    : `ended with ${signal ?? `exit status ${exitCode}`}`;

/** The last that it said, without where in its own code that was. */
function saidBy(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !line.startsWith("at "))
    .slice(-3)
    .join(" | ")
    .slice(0, 500);
}

function failed(
  argv: readonly string[],
  result: CommandResult,
  name: string,
  untouched: boolean,
): BackoutError {
  const { exitCode, timedOut, stdout, stderr } = result;
  const said = saidBy(stderr.trim() === "" ? stdout : stderr);
  const left = untouched ? "the ledger and the schema are as before" : "the ledger or the schema has changed";
  const elsewhere =
    exitCode === 0
      ? "see whether the tool works on the same database as this target: DATABASE_URL and PG… are set for it"
      : "run it by hand in the release's folder to see what it needs";
  return new BackoutError(
    timedOut ? "TIMEOUT" : "COMMAND_FAILED",
    `${argv.join(" ")}: ${ended(result)}, and "${name}" is not taken back; ${left}${said === "" ? "" : `: ${said}`}`,
    { effect: untouched ? "none" : "unknown", hint: elsewhere },
  );
}
