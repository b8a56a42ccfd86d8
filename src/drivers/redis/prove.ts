import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import { type Data, indexName, indexRdb, rdbName } from "./capture.js";
import { compareIndexes, isSame } from "./compare-indexes.js";
import { checkRdb } from "./fetch-rdb.js";
import { countsOf, isExpired, type KeyIndex, recordAt, sizeOf, unpackIndex } from "./key-index.js";
import type { Options } from "./options.js";

/** Loaded into a server of our own and read in full; keys whose time has come since are left out on both sides. */
export async function prove(
  { data }: CapturedPart<Data>,
  { modules }: Options,
  context: ProveContext,
): Promise<Proof> {
  if (data.scope.namespaces.length === 0) {
    const name = "nothing is to come back: keys are only removed";
    return { level: "restored", checks: [{ name, result: "passed" }], restoreMs: 0 };
  }
  const rdb = await context.artifacts.file(rdbName);
  const then = unpackIndex(await context.artifacts.read(indexName));
  await checkRdb(rdb, context);
  const begun = context.clock.monotonic();
  const restored = await indexRdb({ rdb, modules }, data.database, [data.scope], context);
  const restoreMs = Math.round(context.clock.monotonic() - begun);
  const now = context.clock.now();
  const { added, changed, gone } = compareIndexes(then, restored, now);
  const values: Check = {
    name: "values and times of expiry",
    result: isSame({ added, changed, gone, prefixes: [] }) ? "passed" : "failed",
    expected: "as captured",
    actual: `${added} more, ${changed} others, ${gone} missing`,
  };
  const checks = [...countChecks(unexpired(then, now), unexpired(restored, now)), values];
  const failed = checks.some(({ result }) => result !== "passed");
  return { level: failed ? "readable" : "restored", checks, restoreMs };
}

function unexpired(index: KeyIndex, now: number): KeyIndex {
  const records: Buffer[] = [];
  for (let at = 0; at < sizeOf(index); at++) {
    const record = recordAt(index, at);
    if (!isExpired(record, now)) records.push(record);
  }
  return { ...index, records: Buffer.concat(records) };
}

function countChecks(then: KeyIndex, now: KeyIndex): Check[] {
  const [expected, actual] = [countsOf(then), countsOf(now)];
  const prefixes = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return prefixes.map((prefix) => ({
    name: `keys ${prefix}`,
    result: expected[prefix] === actual[prefix] ? "passed" : "failed",
    expected: String(expected[prefix] ?? 0),
    actual: String(actual[prefix] ?? 0),
  }));
}
