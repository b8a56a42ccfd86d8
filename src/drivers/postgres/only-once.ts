import { join } from "node:path/posix";
import type { Program } from "../../clients/postgres/programs.js";
import type { DriverContext } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import { listEntries } from "./dump.js";

/**
 * An extension that one database of a server can have and that serves all of them: it stays where it is, with its jobs, and is not part
 * of what a database holds.
 */
export const onlyOnce = "pg_cron";

const theirs = new RegExp(
  `^(EXTENSION|COMMENT) - (EXTENSION )?${onlyOnce}\\b|^TABLE DATA cron |^(SEQUENCE SET|ACL|DEFAULT ACL) cron `,
);

/** What pg_restore is told so that it leaves that alone; nothing where the dump has none of it. */
export async function withoutOnlyOnce(
  dump: string,
  program: Program,
  { given, jobs }: CapturedDatabase,
  context: DriverContext & { readonly scratch: string },
): Promise<string[]> {
  if (given === undefined && jobs === undefined) return [];
  const all = await listEntries(dump, program, context);
  const entries = all.filter(({ text }) => !theirs.test(text));
  if (entries.length === all.length) return [];
  const list = join(context.scratch, "restored.list");
  await context.host.files.write(list, entries.map(({ id }) => `${id};\n`).join(""));
  return [`--use-list=${list}`];
}
