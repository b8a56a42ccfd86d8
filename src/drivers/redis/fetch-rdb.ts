import { isIP } from "node:net";
import { join } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Connection } from "./connect.js";
import { configOf, infoOf } from "./info.js";
import type { Options } from "./options.js";
import type { Place } from "./place.js";

const pollMs = 100;

export interface FetchedRdb {
  readonly how: string;
}

/** A snapshot of now, whole and checked by Redis' own checker, at `to`. */
export async function fetchRdb(
  redis: Connection,
  place: Place,
  to: string,
  options: Options,
  context: DriverContext,
): Promise<FetchedRdb> {
  const file = options.rdb === "replication" ? undefined : await fileHere(redis, place, context);
  if (file === undefined && options.rdb === "file") {
    throw new BackoutError(
      "NOT_FOUND",
      `${place.shown}: its snapshot's file cannot be read on this machine`,
      {
        effect: "none",
        hint: "set `rdb: replication`, or run where the server runs",
      },
    );
  }
  const how =
    file === undefined
      ? await byReplication(place, to, context)
      : await bySave(redis, place, file, to, context);
  await checkRdb(to, context);
  return { how };
}

/** Where the server saves to, if that is a path that this machine sees. */
async function fileHere(
  redis: Connection,
  { host }: Place,
  context: DriverContext,
): Promise<string | undefined> {
  const local = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (!local) return undefined;
  const dir = await configOf(redis, "dir");
  const name = await configOf(redis, "dbfilename");
  if (dir === undefined || name === undefined) return undefined;
  const folder = await context.host.files.stat(dir).catch(() => undefined);
  return folder?.kind === "directory" ? join(dir, name) : undefined;
}

/** A save that began after the call, and is known to have ended well. */
async function bySave(
  redis: Connection,
  place: Place,
  file: string,
  to: string,
  context: DriverContext,
): Promise<string> {
  const { files } = context.host;
  const begun = context.clock.now();
  await saveNow(redis, place, context);
  const found = await files.stat(file).catch(() => undefined);
  // Another server's file, as where this one runs in a container: not the one that was just written.
  if (found?.kind !== "file" || found.modified < begun - 2000) return byReplication(place, to, context);
  const copied = await context.host.exec({ argv: ["cp", "--", file, to], signal: context.signal });
  if (copied.exitCode !== 0) {
    refuseFull(to, copied.stderr);
    return byReplication(place, to, context);
  }
  return `BGSAVE, ${file} copied`;
}

export async function saveNow(redis: Connection, { shown }: Place, context: DriverContext): Promise<void> {
  const before = await saved(redis, context, shown);
  try {
    await redis.bgsave();
  } catch (error) {
    // Somebody else's began in between: the one after it is ours.
    if (!(error instanceof Error && /in progress|AOF/i.test(error.message))) throw error;
    await saved(redis, context, shown);
    await redis.bgsave("SCHEDULE");
  }
  for (;;) {
    const after = await saved(redis, context, shown);
    if (after.status !== "ok") {
      throw new BackoutError("COMMAND_FAILED", `${shown}: BGSAVE failed, its status is "${after.status}"`, {
        effect: "none",
        hint: "look into the server's log; is its disk full, or its folder not writable?",
      });
    }
    if (after.saves > before.saves || after.last > before.last) return;
    await context.clock.sleep(pollMs, context.signal);
  }
}

/** Counters of saves, once none is at work. */
async function saved(redis: Connection, context: DriverContext, shown: string) {
  for (;;) {
    const info = await infoOf(redis, "persistence");
    const last = await redis.lastsave();
    if (info["rdb_bgsave_in_progress"] === "0" && info["aof_rewrite_scheduled"] !== "1") {
      return {
        last,
        saves: Number(info["rdb_saves"] ?? 0),
        status: info["rdb_last_bgsave_status"] ?? "unknown",
      };
    }
    context.progress(`${shown}: saving, ${info["current_save_keys_processed"] ?? "?"} keys`);
    await context.clock.sleep(pollMs, context.signal);
  }
}

/** As a replica gets it. A server that sends without a file of its own waits `repl-diskless-sync-delay` (5 s) first. */
async function byReplication(place: Place, to: string, context: DriverContext): Promise<string> {
  const { shown, host, port, user, password, tls } = place;
  context.progress(`${shown}: asks for a snapshot`);
  const login = [...(user === undefined ? [] : ["--user", user]), ...(tls ? ["--tls"] : [])];
  const fetched = await context.host.exec({
    argv: ["redis-cli", "-h", host, "-p", String(port), ...login, "--rdb", to],
    env: { REDISCLI_AUTH: password },
    signal: context.signal,
  });
  const said = `${fetched.stdout}\n${fetched.stderr}`;
  // It ends with 0 although the login was refused, and then with nothing of use in the file.
  if (fetched.exitCode === 0 && /finished with success/.test(said)) return "redis-cli --rdb";
  refuseFull(to, said);
  const fact = said.trim().split("\n").at(-1) ?? "";
  throw new BackoutError("COMMAND_FAILED", `${shown}: redis-cli --rdb fetched no snapshot: ${fact}`, {
    effect: "none",
    hint: "the user needs +psync +sync +replconf; with a file on this machine `rdb: file` needs neither",
  });
}

function refuseFull(to: string, said: string): void {
  if (!/no space left|short write/i.test(said)) return;
  throw new BackoutError("STATE_FULL", `${to}: no space left for a snapshot`, {
    effect: "none",
    hint: "free some space (`df -h` shows where), then repeat the command",
  });
}

/** Its exit status and its word: either alone has been wrong. Answers what it said. */
export async function checkRdb(file: string, context: DriverContext): Promise<string> {
  const { exitCode, stdout, stderr } = await context.host.exec({
    argv: ["redis-check-rdb", file],
    signal: context.signal,
  });
  if (exitCode === 0 && stdout.includes("RDB looks OK")) return stdout;
  const fact = `${stdout}\n${stderr}`
    .split("\n")
    .findLast((line) => /error|wrong|unexpected|can't|invalid|unknown|version|RDB ERROR/i.test(line));
  throw new BackoutError(
    "CHECK_FAILED",
    `${file}: redis-check-rdb refuses it: ${fact?.trim() ?? "no reason given"}`,
    {
      effect: "none",
      hint: "take the checkpoint again; is redis-check-rdb here as new as the server?",
    },
  );
}
