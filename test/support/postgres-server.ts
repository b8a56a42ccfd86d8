import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.js";
import { postgresPrograms } from "./postgres-programs.js";

const run = promisify(execFile);

/** A PostgreSQL of its own: temporary folder, free port, nothing left after `stop`. */
export interface PostgresServer {
  readonly port: number;
  readonly folder: string;
  readonly major: number;
  /** Folder of its programs. */
  readonly programs: string;
  /** URL of a database; made where it is not there yet. */
  database(name: string): Promise<string>;
  sql(database: string, text: string): Promise<string>;
  /** A role that has to give this password; URL by which it reaches the database. */
  passwordUser(name: string, password: string, database: string, more?: string): Promise<string>;
  /** Ends it without a word to its clients, as a crash would; `start` brings it back with what was committed. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Default: the newest that is installed. 17 can be had on Debian 12 as well. */
  readonly major?: number;
  /** Lines for postgresql.conf: `max_connections=20`. */
  readonly settings?: readonly string[];
}

const user = "postgres";

export async function postgresServer(options: ServerOptions = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "backout-postgres-"));
  const { major, programs } = await postgresPrograms(options.major, folder).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const port = await freePort();
  const data = join(folder, "data");
  const asRoot = process.getuid?.() === 0;
  const call = async (program: string, ...args: string[]): Promise<string> => {
    const path = join(programs, program);
    const argv = asRoot ? ["runuser", "-u", user, "--", path, ...args] : [path, ...args];
    // A server keeps what it inherits: its output goes to a file, so that nobody waits for its end.
    const { stdout } = await run(argv[0] ?? "", argv.slice(1), { cwd: folder, maxBuffer: 64 * 2 ** 20 });
    return stdout;
  };
  if (asRoot) await run("chown", [user, folder]);
  else await chmod(folder, 0o700);
  await call("initdb", "-D", data, "-U", user, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C");
  // Whoever has this group's rights has to say a password; everybody else is trusted.
  const rules = ["host all +passworded 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust"];
  await writeFile(join(data, "pg_hba.conf"), [...rules, "local all all trust", ""].join("\n"));
  const more = (options.settings ?? []).map((setting) => `-c ${setting}`);
  const start = async (): Promise<void> => {
    const settings = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=400"].map(
      (one) => `-c ${one}`,
    );
    const given = [`-p ${port} -k ${folder}`, ...settings, ...more].join(" ");
    await call("pg_ctl", "-D", data, "-w", "-t", "60", "-l", join(folder, "log"), "-o", given, "start");
  };
  const end = (mode: string) => call("pg_ctl", "-D", data, "-w", "-m", mode, "stop");
  const sql = async (database: string, text: string): Promise<string> => {
    const where = [
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      user,
      "-d",
      `dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`,
    ];
    return (await call("psql", ...where, "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", text)).trim();
  };
  const url = (who: string, name: string): string =>
    `postgres://${who}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  await start();
  await sql(user, "create role passworded nologin");
  return {
    ...{ port, folder, major, programs, sql, start },
    async database(name) {
      const there = await sql(
        user,
        `select 1 from pg_database where datname = '${name.replaceAll("'", "''")}'`,
      );
      if (there === "") await sql(user, `create database "${name.replaceAll('"', '""')}"`);
      return url(user, name);
    },
    async passwordUser(name, password, database, rights = "") {
      await sql(
        user,
        `create role "${name}" login password '${password.replaceAll("'", "''")}' ${rights} in role passworded`,
      );
      return url(`${name}:${encodeURIComponent(password)}`, database);
    },
    crash: async () => void (await end("immediate")),
    async stop() {
      await end("immediate").catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
