import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scope } from "../scope.js";

export interface Servers {
  readonly postgres: number;
  readonly redis: number;
}

const patienceMs = 60_000;
const debian = "/usr/lib/postgresql";

/** A PostgreSQL and a Redis of the demo's own; both end with it. */
export async function startServers(scope: Scope): Promise<Servers> {
  const programs = postgresPrograms();
  refuseMissing("redis-server", "redis-server");
  const [postgres, redis] = [await freePort(), await freePort()];
  startRedis(scope, redis);
  startPostgres(scope, programs, postgres);
  await Promise.all([answers(redis), answers(postgres)]);
  return { postgres, redis };
}

const missing = (what: string, packages: string): Error =>
  new Error(`${what}: is not installed\nhint: on Debian: apt-get install ${packages}`);

/** Debian keeps them outside of the path, by version. */
function postgresPrograms(): string {
  const versions = list(debian).map(Number).filter(Boolean);
  const newest = versions.sort((a, b) => b - a)[0];
  if (newest !== undefined) return join(debian, String(newest), "bin");
  refuseMissing("initdb", "postgresql redis-server");
  return "";
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function refuseMissing(program: string, packages: string): void {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
  } catch {
    throw missing(program, packages);
  }
}

function startRedis(scope: Scope, port: number): void {
  const folder = join(scope.root, "redis");
  mkdirSync(folder);
  const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  scope.start(["redis-server", ...where, "--logfile", "log"], { stdio: "ignore" });
}

/** PostgreSQL does not run as root: then as the user that its package has made. */
function startPostgres(scope: Scope, programs: string, port: number): void {
  const folder = join(scope.root, "postgres");
  mkdirSync(folder, { mode: 0o700 });
  const as = process.getuid?.() === 0 ? userNamed("postgres") : undefined;
  if (as !== undefined) {
    chmodSync(scope.root, 0o711);
    chownSync(folder, as.uid, as.gid);
  }
  const data = join(folder, "data");
  const made = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"];
  execFileSync(join(programs, "initdb"), made, { stdio: "ignore", cwd: folder, ...as });
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
  const log = openSync(join(folder, "log"), "a");
  scope.start(
    [join(programs, "postgres"), "-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])],
    { cwd: folder, stdio: ["ignore", log, log], ...as },
  );
}

function userNamed(name: string): { uid: number; gid: number } {
  const number = (kind: string): number => Number(execFileSync("id", [kind, name], { encoding: "utf8" }));
  try {
    return { uid: number("-u"), gid: number("-g") };
  } catch {
    throw missing(`the user "${name}"`, "postgresql");
  }
}

/** Below the range that systems take for outgoing connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (free) return port;
  }
}

async function answers(port: number): Promise<void> {
  const { connect } = await import("node:net");
  const limit = Date.now() + patienceMs;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    if (Date.now() > limit)
      throw new Error(`127.0.0.1:${port}: no server listens after ${patienceMs / 1000} s`);
    await sleep(50);
  }
}
