import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Connection, connectSocket } from "./connect.js";

/** What a socket's path may be long, with some room. */
const longestPath = 100;

/** For ending by itself; after it, it is ended. */
const endMs = 2000;

export interface Snapshot {
  readonly rdb: string;
  /** Files of modules whose keys may be in it: without them a server does not load it at all. */
  readonly modules: readonly string[];
}

/**
 * A server of our own that has loaded the snapshot: reachable by a socket in a folder of ours alone, saving nothing,
 * ended after `use`. Where the system can, it ends with backout itself, however that ends.
 */
export async function withScratchServer<T>(
  { rdb, modules }: Snapshot,
  context: DriverContext & { readonly scratch: string },
  use: (redis: Connection) => Promise<T>,
): Promise<T> {
  const { files } = context.host;
  const folder = socketFolder(context.scratch);
  await files.makeDirectory(folder, 0o700);
  const socket = join(folder, `s-${createHash("sha256").update(rdb).digest("hex").slice(0, 8)}`);
  await files.remove(socket);
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(context.signal.reason);
  context.signal.addEventListener("abort", onAbort, { once: true });
  const server = startServer({ rdb, modules }, socket, stop.signal, context);
  let ended: unknown;
  const end = server.then(
    () => {
      ended = new BackoutError("CHECK_FAILED", `${rdb}: the scratch server ended`, { effect: "none" });
    },
    (error: unknown) => {
      ended = error;
    },
  );
  try {
    const redis = await loaded(socket, rdb, () => ended, context);
    try {
      return await use(redis);
    } finally {
      // Its answer is the end of the connection.
      await redis.shutdown("NOSAVE").catch(() => {});
      redis.disconnect();
      await Promise.race([end, context.clock.sleep(endMs)]);
    }
  } finally {
    stop.abort(new Error("no longer needed"));
    context.signal.removeEventListener("abort", onAbort);
    await end;
    await files.remove(folder === context.scratch ? socket : folder);
  }
}

const socketFolder = (scratch: string): string =>
  scratch.length + 12 <= longestPath
    ? scratch
    : `/tmp/backout-${createHash("sha256").update(scratch).digest("hex").slice(0, 16)}`;

async function startServer(
  { rdb, modules }: Snapshot,
  socket: string,
  signal: AbortSignal,
  context: DriverContext,
): Promise<void> {
  const log = `${socket}.log`;
  const server = [
    ...["redis-server", "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700"],
    ...["--dir", dirname(rdb), "--dbfilename", basename(rdb), "--save", "", "--appendonly", "no"],
    ...["--rdb-del-sync-files", "no", "--databases", "256", "--daemonize", "no", "--logfile", log],
    ...modules.flatMap((path) => ["--loadmodule", context.host.files.resolve(path)]),
  ];
  const tied = ["setpriv", "--pdeathsig", "KILL", ...server];
  const { files } = context.host;
  try {
    const run = (argv: readonly string[]) => context.host.exec({ argv, signal });
    const { exitCode } = await run(tied).catch((error: unknown) => {
      const missing = error instanceof BackoutError && error.message.startsWith("setpriv");
      if (missing) return run(server);
      throw error;
    });
    const said = Buffer.from(await files.read(log).catch(() => new Uint8Array())).toString();
    const fact = lastFact(said) ?? `redis-server ended with ${exitCode}`;
    throw new BackoutError("CHECK_FAILED", `${rdb}: ${fact}`, {
      effect: "none",
      hint: /module/i.test(fact)
        ? "name the file of that module under `modules`; `MODULE LIST` of the server says where it lies there"
        : "redis-server here must be at least as new as the one that wrote the snapshot",
    });
  } finally {
    await files.remove(log);
  }
}

/** Of what the server logged ahead of its end. */
const lastFact = (log: string): string | undefined =>
  log
    .split("\n")
    .map((line) => line.replace(/^\S+ \d+ \w+ \d+ [\d:.]+ [.\-*#] /, ""))
    .findLast((line) =>
      /can't handle|module|wrong|invalid|corrupt|short read|unknown|failed|fatal|error/i.test(line),
    );

async function loaded(
  socket: string,
  rdb: string,
  ended: () => unknown,
  context: DriverContext,
): Promise<Connection> {
  for (;;) {
    context.signal.throwIfAborted();
    if (ended() !== undefined) throw ended();
    if ((await context.host.files.stat(socket)) !== undefined) {
      const redis = await connectSocket(socket).catch(() => undefined);
      const answer = await redis?.ping().catch((error: unknown) => String(error));
      if (redis !== undefined && answer === "PONG") return redis;
      redis?.disconnect();
      context.progress(`${rdb}: loading`);
    }
    await context.clock.sleep(20, context.signal);
  }
}
