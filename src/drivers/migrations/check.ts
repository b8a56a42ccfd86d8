import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { qualified } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { readLedger } from "./ledger.js";
import { type Options, setupOf } from "./options.js";
import { followLinks } from "./release.js";

export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  const asked = [() => checkRelease(options, context), () => checkDatabase(options, context)];
  const found: Problem[] = [];
  for (const ask of asked) {
    try {
      found.push(...(await ask()));
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      found.push(problem(context.name, error.message, error.hint));
    }
  }
  return found;
}

async function checkRelease(options: Options, { host, name }: DriverContext): Promise<Problem[]> {
  const release = await followLinks(options.release, host.files);
  const { files } = setupOf(options);
  if (files === undefined || (await host.files.stat(`${release}/${files}`))?.kind === "directory") return [];
  return [problem(`${name}.files`, `${release}/${files}: is no folder`, "name the folder of the migrations")];
}

async function checkDatabase(options: Options, context: DriverContext): Promise<Problem[]> {
  const setup = setupOf(options);
  const release = setup.ledger === undefined ? await followLinks(options.release, context.host.files) : "";
  return withConnection(serverOf(options), context, async (connection) => {
    await readLedger(options, setup, connection, context, release);
    if (setup.ledger === undefined || !("script" in setup.way)) return [];
    const table = qualified(setup.ledger.schema, setup.ledger.name);
    const { may } = await connection.row<{ may: boolean }>(
      "select has_table_privilege($1, 'delete') as may",
      [table],
    );
    if (may) return [];
    return [
      problem(
        context.name,
        `${table}: this role may not delete rows of it`,
        `grant delete on ${table} to the role`,
      ),
    ];
  });
}
