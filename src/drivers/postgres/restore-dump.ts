import type { Connection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { Program } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import { withNeededDefaults } from "../../clients/postgres/session-defaults.js";
import type { DriverContext } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import { withoutOnlyOnce } from "./only-once.js";
import { propertyStatements } from "./settings.js";

export interface Restoring {
  readonly program: Program;
  /** Its database is new and empty: whatever is there stays there beside what is restored (H22, H23). */
  readonly server: Server;
  /** Folder or file. */
  readonly dump: string;
  readonly data: CapturedDatabase;
  readonly jobs: number;
  /** To another database of that server, through which the new one gets its own settings and privileges. */
  readonly entry: Connection;
}

type Working = DriverContext & { readonly scratch: string };

/** Harmless: what is restored counts only when its mark is on disk, and with it all that came before. */
const settings = "-c synchronous_commit=off -c jit=off";

/**
 * Everything into an empty database, then its settings and privileges. The first error ends it: a half restored database is
 * never taken for a whole one.
 */
export async function restoreDump(
  { program, server, dump, data, jobs, entry }: Restoring,
  context: Working,
): Promise<void> {
  const total = Object.keys(data.content.tables).length;
  let done = 0;
  const list = await withoutOnlyOnce(dump, program, data, context);
  // A tar can only be read from its beginning to its end.
  const sideBySide = data.dump.format === "tar" ? 1 : jobs;
  await runProgram(
    {
      ...{ program, server, effect: "applied" },
      env: { PGOPTIONS: `${settings} ${withNeededDefaults(entry.major)}` },
      args: [`--jobs=${sideBySide}`, "--no-subscriptions", "--exit-on-error", "--verbose", ...list, dump],
      onLine: (line) => {
        if (!/processing data for table/.test(line)) return;
        done++;
        context.progress(`restoring table ${done} of ${total}`);
      },
    },
    context,
  );
  await entry.run(propertyStatements(data, server.database).join(";\n"));
}
