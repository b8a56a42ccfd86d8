import { findProgram, type Program } from "../../clients/postgres/programs.js";
import type { DriverContext } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import type { Options } from "./options.js";

/** A pg_restore that reads this dump, and whose statements a server of version `server` takes. */
export const findRestore = (
  { dump, server: captured }: CapturedDatabase,
  server: number,
  { programs: folder }: Pick<Options, "programs">,
  context: Pick<DriverContext, "host" | "signal">,
): Promise<Program> => {
  const atLeast = Math.max(dump.programMajor, captured.major);
  return findProgram({ name: "pg_restore", atLeast, server, folder }, context);
};
