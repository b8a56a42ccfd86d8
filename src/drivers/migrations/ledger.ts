import type { Connection } from "../../clients/postgres/connection.js";
import { identifier, qualified } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Options, Setup } from "./options.js";
import { runTool } from "./run-tool.js";

/** One row of the ledger. */
export type Entry = {
  readonly name: string;
  /** Digest of the whole row: tells one from a later one of the same name. Empty where a program lists names. */
  readonly row: string;
  /** `failed` and `rolled-back` migrations (Prisma) have changed nothing that is still there. */
  readonly state: "applied" | "failed" | "rolled-back";
};

const states = `case when rolled_back_at is not null then 'rolled-back' when finished_at is null then 'failed' else 'applied' end`;

/** Oldest first. */
export async function readLedger(
  options: Options,
  setup: Setup,
  connection: Connection,
  context: DriverContext,
  release: string,
): Promise<Entry[]> {
  const { ledger, column, order } = setup;
  if (ledger === undefined) return listed(options, connection, context, release);
  const table = qualified(ledger.schema, ledger.name);
  const state = options.tool === "prisma" ? states : "'applied'";
  const read = `select ${identifier(column)}::text as name, md5(t::text) as row, ${state} as state from ${table} t
    order by ${identifier(order)}, ${identifier(column)}`;
  return connection.rows<Entry>(read);
}

async function listed(
  options: Options,
  connection: Connection,
  context: DriverContext,
  release: string,
): Promise<Entry[]> {
  const { exitCode, stdout, stderr } = await runTool(
    options.list ?? [],
    release,
    options,
    connection.server,
    context,
  );
  if (exitCode !== 0) {
    const said = stderr.trim().split("\n").at(-1) ?? "";
    throw new BackoutError(
      "COMMAND_FAILED",
      `${context.name}.list: ended with exit status ${exitCode}: ${said}`,
      {
        effect: "none",
        hint: "run the program by hand, in the release's folder",
      },
    );
  }
  const names = stdout.split("\n").map((line) => line.trim());
  return names.filter((name) => name !== "").map((name) => ({ name, row: "", state: "applied" }));
}

const keyOf = ({ name, row }: Entry): string => JSON.stringify([name, row]);

/** What has come since, and what has gone: the same rows, whatever their order. */
export function compareLedgers(then: readonly Entry[], now: readonly Entry[]) {
  const old = new Set(then.map(keyOf));
  const current = new Set(now.map(keyOf));
  return {
    added: now.filter((entry) => !old.has(keyOf(entry))),
    gone: then.filter((entry) => !current.has(keyOf(entry))),
  };
}

export const sameLedger = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length && a.every((entry, index) => keyOf(entry) === keyOf(b[index] as Entry));

/** Each by its exact name and content: never by a pattern, never more than one for one. */
export async function deleteRows(
  entries: readonly Entry[],
  { ledger, column }: Setup,
  connection: Connection,
): Promise<void> {
  if (ledger === undefined) return;
  const table = qualified(ledger.schema, ledger.name);
  for (const { name, row } of entries) {
    const gone = await connection.rows(
      `delete from ${table} t where ${identifier(column)}::text = $1 and md5(t::text) = $2 returning 1 as one`,
      [name, row],
    );
    if (gone.length !== 1) {
      throw new BackoutError(
        "CONFLICT",
        `${name}: ${gone.length} rows of the ledger match it instead of one`,
        {
          effect: "none",
          hint: "another tool works on the ledger: plan again",
        },
      );
    }
  }
}
