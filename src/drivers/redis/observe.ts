import { createHash } from "node:crypto";
import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import { type Data, indexName, keysText } from "./capture.js";
import { type Comparison, compareIndexes, isSame, type PrefixChange } from "./compare-indexes.js";
import type { Connected } from "./connect.js";
import { countKeys, type PatternCount, totalOf } from "./count-keys.js";
import { emptyIndex, identityOf, indexKeys, type KeyIndex, sizeOf, unpackIndex } from "./key-index.js";
import { withMasters } from "./masters.js";
import type { Options } from "./options.js";
import { observeQueues, type QueueSeen } from "./queue-state.js";
import { protectedBy, sameScope, scopeOf, wantedIn } from "./scope.js";

export type Seen = {
  readonly keys: number;
  /** Against what was captured: null where there is nothing to compare with. */
  readonly changes: readonly PrefixChange[] | null;
  readonly flush: readonly PatternCount[];
  readonly protected: readonly PatternCount[];
  readonly queues: readonly QueueSeen[];
  /** The playbook names other keys than it did when the checkpoint was taken. */
  readonly otherScope: boolean;
};

export function observe(
  options: Options,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Observation<Seen>> {
  return withMasters(options, async (masters) => {
    const index = await indexLive(masters, options, context);
    const counted = await countKeys(masters, options.flush, protectedBy(options), context);
    const queues = await observeQueues(masters, options, captured?.at);
    const compared = captured && (await compare(index, captured, options, context));
    const data: Seen = {
      keys: sizeOf(index),
      changes: compared?.prefixes ?? null,
      flush: counted.flush,
      protected: counted.protect,
      queues,
      otherScope: captured !== undefined && !sameScope(captured.data.scope, scopeOf(options)),
    };
    const pending = totalOf(data.flush) + queues.reduce((total, { since }) => total + since, 0) > 0;
    const same = compared !== undefined && isSame(compared) && !pending && !data.otherScope;
    return {
      identity: same && captured ? captured.identity : identityNow(index, data),
      summary: summaryNow(data),
      data,
    };
  });
}

async function indexLive(
  [first]: readonly Connected[],
  options: Options,
  context: ObserveContext,
): Promise<KeyIndex> {
  const scope = scopeOf(options);
  if (scope.namespaces.length === 0 || first === undefined) return emptyIndex;
  const { redis, place } = first;
  if (place.database !== 0) await redis.select(place.database);
  return indexKeys(redis, wantedIn([scope]), context);
}

async function compare(
  index: KeyIndex,
  captured: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Comparison | undefined> {
  if (scopeOf(options).namespaces.length === 0) return { added: 0, changed: 0, gone: 0, prefixes: [] };
  if (captured.data.scope.namespaces.length === 0 || context.artifacts === undefined) return undefined;
  const then = unpackIndex(await context.artifacts.read(indexName));
  return compareIndexes(then, index, context.clock.now());
}

/** Keys that are only removed count by their number. */
function identityNow(index: KeyIndex, { flush, queues }: Seen): string {
  const own = identityOf(index);
  const since = queues
    .filter((queue) => queue.since > 0)
    .map(({ prefix, name, since }) => [prefix, name, since]);
  if (totalOf(flush) === 0 && since.length === 0) return own;
  return `sha256:${createHash("sha256")
    .update(JSON.stringify([own, flush, since]))
    .digest("hex")}`;
}

function summaryNow({ keys, changes, flush, queues }: Seen): string {
  const parts = [
    ...(changes === null || changes.length > 0 || keys > 0 ? [keysText(keys)] : []),
    ...(flush.length > 0 ? [`${keysText(totalOf(flush))} to be removed`] : []),
    ...queues.map(
      ({ name, since, paused }) => `queue ${name}: ${since} jobs since${paused ? ", paused" : ""}`,
    ),
  ];
  return parts.join("; ") || "no keys";
}
