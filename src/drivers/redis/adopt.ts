import { basename } from "node:path/posix";
import { copyFile } from "../../clients/files/copy-file.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { FromFile, GivenFile } from "../../core/given-file.js";
import { type Data, keepIndexed, keysText, rdbName, serverOf, summaryOf } from "./capture.js";
import { countKeys } from "./count-keys.js";
import { checkRdb } from "./fetch-rdb.js";
import { countsOf, identityOf, type KeyIndex, sizeOf } from "./key-index.js";
import { withMasters } from "./masters.js";
import type { Options } from "./options.js";
import { placeOf, shownUrl } from "./place.js";
import { protectedBy, scopeOf } from "./scope.js";

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** A snapshot from a backup: copied, checked by Redis' own checker, and read in full by a server of our own. */
export async function adopt(
  given: GivenFile,
  options: Options,
  context: CaptureContext,
): Promise<Captured<Data> & FromFile> {
  const scope = scopeOf(options);
  if (scope.namespaces.length === 0) {
    throw refused(
      `${shownUrl(options.url)}: no keys of it are to come back, they are only flushed`,
      "name `namespaces` in the playbook; a given file is for what comes back",
    );
  }
  await refuseStrangers(given, context);
  const said = await copyChecked(given, context);
  const { database } = placeOf(options.url);
  const index = await keepIndexed(options, database, context).catch((error: unknown) => {
    throw ofGiven(given.path, error);
  });
  if (sizeOf(index) === 0) {
    throw refused(
      `${given.path}: holds no key that is to come back: database ${database}, ${scope.namespaces.join(", ")}`,
      "name another snapshot; keys that are only to go belong under `flush`",
    );
  }
  const facts = factsOf(said);
  const { counted, server } = await withMasters(options, async (masters) => ({
    counted: await countKeys(masters, options.flush, protectedBy(options), context),
    server: await serverOf(masters),
  }));
  return {
    identity: identityOf(index),
    summary: `${summaryOf(index)}, out of ${basename(given.path)}`,
    data: {
      ...{ scope, database, server },
      ...{ counts: countsOf(index), keys: sizeOf(index) },
      ...{ flush: counted.flush, protected: counted.protect },
    },
    ...(facts.made === undefined ? {} : { at: facts.made }),
    notes: notesOf(facts, index),
  };
}

async function refuseStrangers(
  { path, kind }: GivenFile,
  { host: { files } }: CaptureContext,
): Promise<void> {
  const wanted =
    "name the .rdb file: `dump.rdb` of the server's folder, or what `redis-cli --rdb FILE` wrote";
  if (kind === "directory") throw refused(`${path}: is a folder, and no snapshot of Redis`, wanted);
  const head = Buffer.from((await files.readPart(path, 0, 16)).data).toString("latin1");
  if (/^REDIS\d{4}/.test(head)) return;
  if (head.startsWith("*")) {
    throw refused(
      `${path}: is an append-only file, and no snapshot`,
      `start a Redis with it, then SAVE; ${wanted}`,
    );
  }
  if (head.startsWith("\x1f\x8b")) throw refused(`${path}: is compressed with gzip`, "gunzip it first");
  throw refused(`${path}: is no snapshot of Redis`, wanted);
}

/** From here on the copy counts: the given one may be rotated away at any moment. */
async function copyChecked({ path, size }: GivenFile, context: CaptureContext): Promise<string> {
  const to = context.artifacts.scratch(rdbName);
  context.progress(`copying ${basename(path)}, ${(size / 1e6).toFixed(1)} MB`);
  await copyFile(path, to, context);
  return checkRdb(to, context).catch((error: unknown) => {
    throw ofGiven(path, error);
  });
}

/** What refuses the copy refuses the given file. */
function ofGiven(path: string, error: unknown): unknown {
  if (!(error instanceof BackoutError) || error.code !== "CHECK_FAILED") return error;
  const fact = error.message.replace(/^\S+: /, "");
  const newer = /RDB format version|can't handle/i.test(fact);
  return refused(
    `${path}: ${fact}`,
    newer
      ? "it was written by a newer Redis: install one as new as that here (redis-server, redis-check-rdb)"
      : "it is cut short or damaged, or needs a module that is not here: name another one",
  );
}

interface Facts {
  /** Milliseconds since the epoch; absent where it does not say. */
  readonly made: number | undefined;
  readonly version: string | undefined;
  readonly expired: number;
  /** It was written as the base of an append-only file. */
  readonly base: boolean;
}

/** Out of what redis-check-rdb has said. */
function factsOf(said: string): Facts {
  const aux = (name: string): string | undefined =>
    new RegExp(`AUX FIELD ${name} = '([^']*)'`).exec(said)?.[1];
  const seconds = Number(aux("ctime") ?? Number.NaN);
  return {
    made: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
    version: aux("redis-ver"),
    expired: Number(/(\d+) already expired/.exec(said)?.[1] ?? 0),
    base: aux("aof-base") === "1",
  };
}

function notesOf({ made, version, expired, base }: Facts, index: KeyIndex): string[] {
  const when = made === undefined ? "at a time that it does not say" : `at ${new Date(made).toISOString()}`;
  return [
    `the snapshot was written by Redis ${version ?? "of a version that it does not say"}, ${when}; which server that was, it does not say`,
    ...(expired === 0
      ? []
      : [
          `${keysText(expired)} of it had expired when it was taken over, and ${expired === 1 ? "does" : "do"} not come back`,
        ]),
    ...(base
      ? ["it is the base of an append-only file: what the increments beside it hold is not in it"]
      : []),
    `out of it come ${keysText(sizeOf(index))}; users, functions and configuration of the server stay as they are`,
  ];
}
