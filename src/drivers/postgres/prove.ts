import { withConnection } from "../../clients/postgres/connection.js";
import { type Server, serverOf } from "../../clients/postgres/connection-options.js";
import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { acrossVersions } from "./across-versions.js";
import type { CapturedDatabase } from "./captured-database.js";
import { compareContents } from "./compare-content.js";
import { dumpFolder } from "./dump-folder.js";
import type { Options } from "./options.js";
import { keepCopy, keepsProven, notKept, uselessBecause } from "./proven-copy.js";
import { readContent } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { restoreDump } from "./restore-dump.js";
import { findRestore } from "./restore-program.js";
import { withScratchDatabase } from "./scratch-database.js";
import { unmetNeeds } from "./unmet-needs.js";

/** Restored into a database of our own, beside the live one or on another server, and compared in everything. */
export async function prove(
  captured: CapturedPart<CapturedDatabase>,
  options: Options,
  context: ProveContext,
): Promise<Proof> {
  const { data, artifacts } = captured;
  const altered = alteredFiles(data, artifacts);
  if (altered.length > 0) return { level: "captured", checks: altered };
  const server = serverOf(options.scratch ?? options);
  const keeps = keepsProven(captured, options);
  const [folder, { major, needs, finding, useless }] = await Promise.all([
    dumpFolder(data, context),
    lookAt(server, { data, keeps }, options, context),
  ]);
  // About the place, not about the dump: nothing has been measured.
  if (needs.length > 0) return { level: "captured", checks: needs };
  if (finding.status === "rejected") throw finding.reason;
  const program = finding.value;
  const { jobs } = options;
  // Its comment says whose it is, should nobody come to remove it.
  const unmarked = { ...data, database: { ...data.database, comment: "" } };
  const beside = keeps ? { live: server.database } : {};
  return withScratchDatabase(
    server,
    { data, maintenance: maintenanceOf(options), ...beside },
    context,
    async (scratch, entry) => {
      const begun = context.clock.monotonic();
      try {
        await restoreDump({ program, server: scratch, dump: folder, data: unmarked, jobs, entry }, context);
      } catch (error) {
        // Whether the server is still there, and has room, was asked: what is left is the dump.
        if (!(error instanceof BackoutError) || error.code !== "COMMAND_FAILED") throw error;
        return { level: "captured", checks: [{ name: "restore", result: "failed", message: error.message }] };
      }
      const restoreMs = Math.round(context.clock.monotonic() - begun);
      const content = await withConnection(scratch, context, async (connection) => {
        await beginReading(connection);
        const { progress } = context;
        return readContent(connection, { checksums: data.checksums, like: data.content, progress });
      });
      const checks = [
        { name: "restore", result: "passed" } as const,
        ...compareContents(...acrossVersions(data.content, content, { then: data.server.major, now: major })),
      ];
      if (checks.some(({ result }) => result !== "passed")) return { level: "captured", checks, restoreMs };
      if (!keeps) return { level: "restored", checks, restoreMs };
      const place = { keeper: entry, scratch: scratch.database };
      const note =
        useless === undefined ? await keepCopy(place, captured, options, context) : notKept(useless);
      return { level: "restored", checks, restoreMs, notes: [note] };
    },
  );
}

/** What the server lacks, and the program; why its copy could not be kept, where it is to be. */
const lookAt = (
  server: Server,
  { data, keeps }: { readonly data: CapturedDatabase; readonly keeps: boolean },
  options: Options,
  context: ProveContext,
) =>
  withConnection(server, context, async (connection) => {
    const { major } = connection;
    const asked = [unmetNeeds(data, connection), findRestore(data, major, options, context)] as const;
    const [, finding] = await Promise.allSettled(asked);
    const useless = keeps ? await uselessBecause(connection, data, context) : undefined;
    return { major, needs: await asked[0], finding, useless };
  });

export const maintenanceOf = ({ scratch, maintenance }: Options): string =>
  scratch === undefined ? maintenance : serverOf(scratch).database;

/** The checkpoint's own digests are compared by whoever reads; these are what the capture itself saw. */
function alteredFiles(
  { dump }: CapturedDatabase,
  artifacts: CapturedPart<CapturedDatabase>["artifacts"],
): Check[] {
  const now = new Map(artifacts.map(({ name, digest }) => [name, digest]));
  return Object.entries(dump.files)
    .filter(([name, digest]) => now.get(name) !== digest)
    .map(([name, digest]) => ({
      ...{ name: `dump file ${name}`, result: "failed", expected: digest },
      actual: now.get(name) ?? "missing",
    }));
}
