import { dirname } from "node:path/posix";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { type Connected, type Connection } from "./connect.js";
import { countKeys, type PatternCount } from "./count-keys.js";
import { fetchRdb } from "./fetch-rdb.js";
import { infoOf, type Persistence, persistenceOf } from "./info.js";
import {
  countsOf,
  emptyIndex,
  identityOf,
  indexKeys,
  type KeyIndex,
  packIndex,
  sizeOf,
} from "./key-index.js";
import { withMasters } from "./masters.js";
import type { Options } from "./options.js";
import { protectedBy, type Scope, scopeOf, wantedIn } from "./scope.js";
import { type Snapshot, withScratchServer } from "./scratch-server.js";

export const rdbName = "dump.rdb";
export const indexName = "keys.index";

export type Data = {
  readonly scope: Scope;
  readonly database: number;
  /** In scope, by prefix, out of the snapshot itself. */
  readonly counts: Readonly<Record<string, number>>;
  readonly keys: number;
  readonly flush: readonly PatternCount[];
  readonly protected: readonly PatternCount[];
  /** Of the server while it was captured. */
  readonly server: {
    readonly version: string;
    readonly memoryBytes: number;
    readonly persistence: Persistence;
  };
};

/** The snapshot is read by a server of our own, so that counts and digests are of it and not of a later moment. */
export function capture(options: Options, context: CaptureContext): Promise<Captured<Data>> {
  return withMasters(options, async (masters) => {
    const scope = scopeOf(options);
    const [first] = masters;
    if (first === undefined) throw new Error("a cluster has at least one master");
    const index = scope.namespaces.length === 0 ? emptyIndex : await captureKeys(first, options, context);
    const counted = await countKeys(masters, options.flush, protectedBy(options), context);
    return {
      identity: identityOf(index),
      summary: summaryOf(index),
      data: {
        scope,
        database: first.place.database,
        counts: countsOf(index),
        keys: sizeOf(index),
        flush: counted.flush,
        protected: counted.protect,
        server: await serverOf(masters),
      },
    };
  });
}

async function captureKeys(
  { redis, place }: Connected,
  options: Options,
  context: CaptureContext,
): Promise<KeyIndex> {
  const rdb = context.artifacts.scratch(rdbName);
  const { how } = await fetchRdb(redis, place, rdb, options, context);
  context.log(`${place.shown}: snapshot by ${how}, whole by redis-check-rdb`);
  return keepIndexed(options, place.database, context);
}

/** The snapshot that lies in the writer's scratch, and beside it what its keys are. */
export async function keepIndexed(
  options: Options,
  database: number,
  context: CaptureContext,
): Promise<KeyIndex> {
  const rdb = context.artifacts.scratch(rdbName);
  const snapshot = { rdb, modules: options.modules };
  const scratch = { ...context, scratch: dirname(rdb) };
  const index = await indexRdb(snapshot, database, [scopeOf(options)], scratch);
  await context.artifacts.add(rdbName);
  await context.artifacts.write(indexName, packIndex(index));
  return index;
}

/** Of the keys in scope of all of these. */
export const indexRdb = (
  snapshot: Snapshot,
  database: number,
  scopes: readonly Scope[],
  context: Parameters<typeof withScratchServer>[1],
): Promise<KeyIndex> =>
  withScratchServer(snapshot, context, async (scratch) => {
    await scratch.select(database);
    return indexKeys(scratch, wantedIn(scopes), context);
  });

export async function serverOf(masters: readonly Connected[]): Promise<Data["server"]> {
  const infos = await Promise.all(masters.map(({ redis }) => infoOf(redis)));
  const first = masters[0]?.redis as Connection;
  return {
    version: infos[0]?.["redis_version"] ?? "unknown",
    memoryBytes: infos.reduce((total, info) => total + Number(info["used_memory"] ?? 0), 0),
    persistence: await persistenceOf(first, infos[0] ?? {}),
  };
}

export const keysText = (keys: number): string => `${keys} ${keys === 1 ? "key" : "keys"}`;

export const summaryOf = (index: KeyIndex): string =>
  index === emptyIndex
    ? "no keys are to come back"
    : `${keysText(sizeOf(index))} (${identityOf(index).slice(0, 19)})`;
