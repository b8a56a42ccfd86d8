import type { CapturedPart, Check, DriverContext, Observation, ObserveContext } from "../../core/driver.js";
import { type Data, indexName, keysText } from "./capture.js";
import { compareIndexes } from "./compare-indexes.js";
import { countKeys, totalOf } from "./count-keys.js";
import { flushNote, keptIndex } from "./kept-files.js";
import { indexKeys, type KeyIndex, unpackIndex } from "./key-index.js";
import { withMasters } from "./masters.js";
import type { Options } from "./options.js";
import { protectedBy, type Scope, scopeOf, wantedIn } from "./scope.js";
import { undoScope } from "./undo-scope.js";

/** The system may be serving again: keys that came or changed since are right, captured ones that are gone are not. */
export async function verify(
  captured: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const { scope } = captured.data;
  const checks: Check[] = [];
  if (scope.namespaces.length > 0) {
    const then =
      context.artifacts === undefined ? undefined : unpackIndex(await context.artifacts.read(indexName));
    checks.push(await keysAreThere(then, [scope, scopeOf(options)], options, context));
  }
  if (options.flush.length > 0) checks.push(await isFlushed(captured.at, options, context));
  return checks;
}

export async function verifyUndo(
  to: Pick<Observation, "identity" | "summary">,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const file = keptIndex(options, context, to.identity);
  const found = await context.host.files.read(file).catch(() => undefined);
  return [await keysAreThere(found && unpackIndex(found), [undoScope(options)], options, context)];
}

function keysAreThere(
  then: KeyIndex | undefined,
  scopes: readonly Scope[],
  options: Options,
  context: ObserveContext,
): Promise<Check> {
  return withMasters(options, async ([first]) => {
    const name = `${first?.place.shown}: keys that came back`;
    if (then === undefined || first === undefined) {
      return { name, result: "error", message: "there is nothing to compare them with" };
    }
    await first.redis.select(first.place.database);
    const now = await indexKeys(first.redis, wantedIn(scopes), context);
    const { added, changed, gone, prefixes } = compareIndexes(then, now, context.clock.now());
    if (gone === 0) {
      const since = added + changed === 0 ? "all as captured" : `since then ${added} new, ${changed} changed`;
      return { name, result: "passed", message: since };
    }
    const missing = prefixes.filter((one) => one.gone > 0).map((one) => `${one.prefix} ${one.gone}`);
    return { name, result: "failed", expected: "all of them", actual: `gone: ${missing.join(", ")}` };
  });
}

function isFlushed(since: number, options: Options, context: ObserveContext): Promise<Check> {
  return withMasters(options, async (masters) => {
    const name = `${masters[0]?.place.shown}: ${options.flush.join(", ")}`;
    const counted = await countKeys(masters, options.flush, protectedBy(options), context);
    const keys = totalOf(counted.flush);
    if (keys === 0) return { name, result: "passed", message: "no keys" };
    const at = await lastFlush(options, context);
    if (at !== undefined && at > since) {
      return { name, result: "passed", message: `${keysText(keys)} have come since the flush` };
    }
    return {
      name,
      result: "failed",
      expected: "no keys, or a flush since the checkpoint",
      actual: keysText(keys),
    };
  });
}

async function lastFlush(options: Options, context: DriverContext): Promise<number | undefined> {
  const found = await context.host.files.read(flushNote(options, context)).catch(() => undefined);
  if (found === undefined) return undefined;
  const note: unknown = JSON.parse(Buffer.from(found).toString());
  return typeof note === "object" && note !== null && "at" in note ? Number(note.at) : undefined;
}
