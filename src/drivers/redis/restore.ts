import type { Outcome, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Data, keysText, rdbName } from "./capture.js";
import { type Connected, type Connection, withRedis } from "./connect.js";
import { keptIndex, keptRdb, makeKept } from "./kept-files.js";
import {
  find,
  indexKeys,
  isExpired,
  type KeyIndex,
  nameDigest,
  packIndex,
  recordAt,
  recordOf,
  sameRecord,
} from "./key-index.js";
import type { Options } from "./options.js";
import { pipelined } from "./pipelined.js";
import type { RestoreInput } from "./plan.js";
import { readEntries } from "./read-entries.js";
import { scanKeys } from "./scan-keys.js";
import { type Scope, wantedIn } from "./scope.js";
import { withScratchServer } from "./scratch-server.js";
import type { Begin, Job } from "./step-job.js";
import { undoScope } from "./undo-scope.js";

const perCall = 500;
/** Somebody who still writes makes another round necessary; for ever is refused. */
const rounds = 3;

interface Source {
  readonly rdb: string;
  readonly scopes: readonly Scope[];
}

interface Difference {
  readonly remove: readonly Buffer[];
  readonly restore: readonly Buffer[];
}

/** Byte by byte through DUMP and RESTORE, and only what differs: an append-only file gets it like any other write. */
export async function applyRestore(job: Job, context: StepContext, begin: Begin): Promise<Outcome> {
  const { options } = job;
  const input = job.input as unknown as RestoreInput;
  const { rdb, scopes } = await sourceOf(job, input, context);
  return withRedis(options.url, (live) =>
    withScratchServer({ rdb, modules: options.modules }, context, async (scratch) => {
      await scratch.select(live.place.database);
      const wanted = wantedIn(scopes);
      const then = await indexKeys(scratch, wanted, context);
      let removed = 0;
      let restored = 0;
      for (let round = 0; round <= rounds; round++) {
        const { remove, restore } = await differenceOf(live.redis, scratch, then, wanted, context);
        if (remove.length + restore.length === 0) {
          if (input.identity !== null) await keepIndex(options, input.identity, then, context);
          return outcomeOf(live, removed, restored);
        }
        if (round === 0) await begin();
        if (round === rounds) break;
        removed += await removeAll(live.redis, remove, context);
        restored += await restoreAll(live.redis, scratch, restore, context);
      }
      throw new BackoutError("CONFLICT", `${live.place.shown}: somebody goes on writing to these keys`, {
        effect: "unknown",
        hint: "stop what uses it, or give the target that uses it `uses:` with this one, so that it is quiesced",
      });
    }),
  );
}

async function sourceOf(job: Job, input: RestoreInput, context: StepContext): Promise<Source> {
  if (input.from !== null) {
    return { rdb: keptRdb(job.options, context, input.from), scopes: [undoScope(job.options)] };
  }
  const data: Data | undefined = job.captured?.data;
  if (data === undefined) {
    throw new BackoutError("ARTIFACT_MISSING", `${context.name}: nothing was captured`, { effect: "none" });
  }
  return { rdb: await context.artifacts.file(rdbName), scopes: [data.scope] };
}

async function differenceOf(
  live: Connection,
  scratch: Connection,
  then: KeyIndex,
  wanted: (key: string) => boolean,
  context: StepContext,
): Promise<Difference> {
  const remove: Buffer[] = [];
  const restore: Buffer[] = [];
  const equal = new Set<number>();
  const now = context.clock.now();
  let read = 0;
  for await (const entries of readEntries(live, wanted, context.signal)) {
    for (const entry of entries) {
      const name = nameDigest(entry.key);
      const at = find(then, name);
      if (at < 0 || isExpired(recordAt(then, at), now)) remove.push(entry.key);
      else if (sameRecord(recordAt(then, at), recordOf(name, entry))) equal.add(at);
    }
    read += entries.length;
    context.progress(`${keysText(read)} compared`);
  }
  for await (const keys of scanKeys(scratch)) {
    for (const key of keys) {
      if (!wanted(key.toString("latin1"))) continue;
      const at = find(then, nameDigest(key));
      if (at >= 0 && !equal.has(at) && !isExpired(recordAt(then, at), now)) restore.push(key);
    }
  }
  return { remove, restore };
}

async function removeAll(live: Connection, keys: readonly Buffer[], context: StepContext): Promise<number> {
  let removed = 0;
  for (let at = 0; at < keys.length; at += perCall) {
    context.signal.throwIfAborted();
    removed += await live.unlink(...keys.slice(at, at + perCall));
  }
  return removed;
}

async function restoreAll(
  live: Connection,
  scratch: Connection,
  keys: readonly Buffer[],
  context: StepContext,
): Promise<number> {
  let restored = 0;
  for (let from = 0; from < keys.length; from += perCall) {
    context.signal.throwIfAborted();
    const part = keys.slice(from, from + perCall);
    const dumped = await pipelined(scratch, (pipeline) => {
      for (const key of part) pipeline.dumpBuffer(key).pexpiretime(key);
    });
    const rows = part.flatMap((key, at) => {
      const payload = dumped[2 * at];
      const expiresAt = Number(dumped[2 * at + 1]);
      return Buffer.isBuffer(payload) ? [{ key, payload, expiresAt: Math.max(0, expiresAt) }] : [];
    });
    await pipelined(live, (pipeline) => {
      for (const { key, payload, expiresAt } of rows) {
        pipeline.call("RESTORE", key, String(expiresAt), payload, "REPLACE", "ABSTTL");
      }
    });
    restored += rows.length;
    context.progress(`${restored} of ${keysText(keys.length)} brought back`);
  }
  return restored;
}

async function keepIndex(
  options: Options,
  identity: string,
  index: KeyIndex,
  context: StepContext,
): Promise<void> {
  await makeKept(options, context);
  await context.host.files.write(keptIndex(options, context, identity), packIndex(index), { mode: 0o600 });
}

const outcomeOf = ({ place }: Connected, removed: number, restored: number): Outcome => ({
  summary: `${place.shown}: ${keysText(restored)} brought back, ${keysText(removed)} removed`,
  changed: removed + restored > 0,
  data: { removed, restored },
});
