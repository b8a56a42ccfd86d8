import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.js";

const run = promisify(execFile);

/** A PostgreSQL of its own: temporary folder, free port, nothing left after `stop`. */
export interface PostgresServer {
  readonly port: number;
  readonly folder: string;
  /** URL of a database; made where it is not there yet. */
  database(name: string): Promise<string>;
  sql(database: string, text: string): Promise<string>;
  /** Ends it without a word to its clients, as a crash would; `start` brings it back with what was committed. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const user = "postgres";

export async function postgresServer(): Promise<PostgresServer> {
  const programs = await findPrograms();
  const folder = await mkdtemp(join(tmpdir(), "backout-postgres-"));
  const port = await freePort();
  const data = join(folder, "data");
  const asRoot = process.getuid?.() === 0;
  const call = async (program: string, ...args: string[]): Promise<string> => {
    const path = join(programs, program);
    const argv = asRoot ? ["runuser", "-u", user, "--", path, ...args] : [path, ...args];
    // A server keeps what it inherits: its output goes to a file, so that nobody waits for its end.
    const { stdout } = await run(argv[0] ?? "", argv.slice(1), { cwd: folder });
    return stdout;
  };
  if (asRoot) await run("chown", [user, folder]);
  else await chmod(folder, 0o700);
  await call("initdb", "-D", data, "-U", user, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C");
  const start = async (): Promise<void> => {
    const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200`;
    await call("pg_ctl", "-D", data, "-w", "-t", "30", "-l", join(folder, "log"), "-o", options, "start");
  };
  const end = (mode: string) => call("pg_ctl", "-D", data, "-w", "-m", mode, "stop");
  const sql = async (database: string, text: string): Promise<string> => {
    const where = ["-h", "127.0.0.1", "-p", String(port), "-U", user, "-d", database];
    return (await call("psql", ...where, "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", text)).trim();
  };
  await start();
  return {
    port,
    folder,
    sql,
    start,
    async database(name) {
      const there = await sql(user, `select 1 from pg_database where datname = '${name}'`);
      if (there === "") await sql(user, `create database ${name}`);
      return `postgres://${user}@127.0.0.1:${port}/${name}`;
    },
    crash: async () => void (await end("immediate")),
    async stop() {
      await end("immediate").catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Debian puts them beside each other by version, outside of the path. */
async function findPrograms(): Promise<string> {
  const root = "/usr/lib/postgresql";
  const versions = (await readdir(root).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (newest !== undefined) return join(root, newest, "bin");
  throw new Error(
    "these tests need PostgreSQL, which is not installed; on Debian: apt-get install postgresql",
  );
}
