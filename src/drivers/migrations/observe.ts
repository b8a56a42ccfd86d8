import { join } from "node:path/posix";
import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CapturedPart, Check, Observation, ObserveContext } from "../../core/driver.js";
import { capturedCatalog, type Data, identityOf, summaryOf } from "./capture.js";
import { differences, fingerprintOf, type Line, listed, readCatalog } from "./catalog.js";
import { countDrops, type Drop, droppedData } from "./drops.js";
import { compareLedgers, type Entry, readLedger } from "./ledger.js";
import { type Options, type Setup, setupOf } from "./options.js";
import { followLinks, missingIn } from "./release.js";
import { allSegments, readScripts, type Script, scriptPath, toTakeBack } from "./scripts.js";

export type Seen = {
  readonly ledger: readonly Entry[];
  readonly fingerprint: string;
  /** Where the newer release really is. */
  readonly release: string;
  /** Migrations to be taken back that the release does not have. */
  readonly missing: readonly string[];
  readonly scripts: readonly Script[];
  /** Statements that refuse to run inside a transaction. */
  readonly alone: readonly string[];
  readonly drops: readonly Drop[];
  readonly differences: readonly string[];
};

const nothing = { missing: [], scripts: [], alone: [], drops: [], differences: [] };

interface Now {
  readonly ledger: Entry[];
  readonly catalog: Line[];
}

async function readNow(
  options: Options,
  setup: Setup,
  connection: Connection,
  context: ObserveContext,
  release: string,
): Promise<Now> {
  await connection.run("begin transaction isolation level repeatable read read only");
  try {
    const ledger = await readLedger(options, setup, connection, context, release);
    return { ledger, catalog: await readCatalog(options, connection) };
  } finally {
    await connection.run("rollback").catch(() => {});
  }
}

export async function observe(
  options: Options,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Observation<Seen>> {
  const setup = setupOf(options);
  const release = await followLinks(options.release, context.host.files);
  return withConnection(serverOf(options), context, async (connection) => {
    const { ledger, catalog } = await readNow(options, setup, connection, context, release);
    const fingerprint = fingerprintOf(catalog);
    const identity = identityOf(ledger, fingerprint);
    const seen = { ledger, fingerprint, release, ...nothing };
    if (captured === undefined || identity === captured.identity) {
      return { identity, summary: summaryOf(ledger), data: seen };
    }
    const then = context.artifacts === undefined ? catalog : await capturedCatalog(context.artifacts);
    const drops = await countDrops(droppedData(then, catalog), connection);
    const back = await wayBack(setup, compareLedgers(captured.data.ledger, ledger).added, release, context);
    return {
      identity,
      summary: summaryOf(ledger),
      data: { ...seen, ...back, drops, differences: differences(then, catalog).slice(0, 50) },
    };
  });
}

async function wayBack(setup: Setup, added: readonly Entry[], release: string, context: ObserveContext) {
  const { files } = context.host;
  const names = toTakeBack(added).map(({ name }) => name);
  const missing = setup.files === undefined ? [] : await missingIn(join(release, setup.files), names, files);
  if (!("script" in setup.way) || missing.length > 0) return { missing };
  const { script } = setup.way;
  const paths = names.map((migration) => ({
    migration,
    path: scriptPath(release, setup.files, script, migration),
  }));
  const scripts = await readScripts(paths, files);
  const alone = allSegments(scripts).flatMap(([first]) => (first?.alone === true ? [first.at] : []));
  return { missing, alone, scripts: scripts.map(({ statements: _statements, ...known }) => known) };
}

const namesOf = (ledger: readonly Entry[]): string => {
  const names = ledger
    .slice(-5)
    .map(({ name, state }) => (state === "applied" ? name : `${name} (${state})`));
  return `${ledger.length}${names.length === 0 ? "" : `: … ${names.join(", ")}`}`;
};

export async function verify(
  captured: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const setup = setupOf(options);
  const release = setup.ledger === undefined ? await followLinks(options.release, context.host.files) : "";
  const { ledger, catalog } = await withConnection(serverOf(options), context, (connection) =>
    readNow(options, setup, connection, context, release),
  );
  const { data } = captured;
  const { added, gone } = compareLedgers(data.ledger, ledger);
  const same = added.length + gone.length === 0;
  const fingerprint = fingerprintOf(catalog);
  const differs =
    fingerprint === data.fingerprint || context.artifacts === undefined
      ? []
      : differences(await capturedCatalog(context.artifacts), catalog);
  return [
    {
      name: "migration ledger",
      result: same ? "passed" : "failed",
      expected: namesOf(data.ledger),
      actual: namesOf(ledger),
    },
    {
      name: "schema",
      result: fingerprint === data.fingerprint ? "passed" : "failed",
      expected: data.fingerprint,
      actual: fingerprint,
      ...(differs.length === 0 ? {} : { message: listed(differs) }),
    },
  ];
}
