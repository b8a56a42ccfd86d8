import { join } from "node:path/posix";
import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import { artifactName, type Data } from "./capture.js";
import { brokenReferences, type Content, faultsOf, readContent } from "./content.js";
import { copyDatabase, openFrozen } from "./database.js";
import type { Options } from "./options.js";
import { sqliteError } from "./sqlite-error.js";

/** The same copy as `stage` makes, into the scratch folder, then read in full. */
export async function prove(
  { data }: CapturedPart<Data>,
  _options: Options,
  context: ProveContext,
): Promise<Proof> {
  const begun = context.clock.monotonic();
  const copy = await context.artifacts.file(artifactName);
  const restored = join(context.scratch, artifactName);
  try {
    await context.host.files.write(restored, "", { mode: 0o600 });
    const from = await openFrozen(copy);
    await copyDatabase(from, restored, (done, total) => {
      context.signal.throwIfAborted();
      context.progress(`${done} of ${total} pages`);
    }).finally(() => from.close());
    const database = await openFrozen(restored);
    try {
      const faults = faultsOf(database);
      const content = await readContent(database, context);
      const restoreMs = Math.round(context.clock.monotonic() - begun);
      const checks = [
        sound("integrity", faults),
        ...comparisons(data.content, content),
        equal(
          "references that lead nowhere",
          listed(data.brokenReferences),
          listed(brokenReferences(database)),
        ),
      ];
      const failed = checks.some((check) => check.result !== "passed");
      return { level: failed ? "captured" : "restored", checks, restoreMs };
    } finally {
      database.close();
    }
  } catch (error) {
    throw sqliteError(error, copy);
  }
}

export const sound = (name: string, faults: readonly string[]): Check =>
  faults.length === 0
    ? { name, result: "passed" }
    : { name, result: "failed", actual: faults.join("; "), expected: "no damage" };

const listed = (lines: readonly string[]): string => (lines.length === 0 ? "none" : lines.join(", "));

const equal = (name: string, expected: string, actual: string): Check => ({
  name,
  result: expected === actual ? "passed" : "failed",
  expected,
  actual,
});

function comparisons(then: Content, now: Content): Check[] {
  const tables = Object.entries(then.tables).map(([name, table]) =>
    equal(`table ${name}`, `${table.rows} rows, ${table.digest}`, tableText(now.tables[name])),
  );
  return [equal("schema", then.schema, now.schema), ...tables, equal("content", then.identity, now.identity)];
}

const tableText = (table: Content["tables"][string] | undefined): string =>
  table === undefined ? "missing" : `${table.rows} rows, ${table.digest}`;
