import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A PostgreSQL of the bench's own that writes to disk as it would in use. */
export function startPostgres(): { readonly url: string; stop(): void } {
  const root = "/usr/lib/postgresql";
  const version = (existsSync(root) ? readdirSync(root) : []).sort((a, b) => Number(b) - Number(a))[0];
  if (version === undefined) {
    throw new Error(
      "this area needs PostgreSQL, which is not installed; on Debian: apt-get install postgresql",
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  const port = 20_000 + (process.pid % 12_000);
  const asRoot = process.getuid?.() === 0;
  const call = (program: string, ...args: string[]): void => {
    const argv = [
      ...(asRoot ? ["runuser", "-u", "postgres", "--"] : []),
      join(root, version, "bin", program),
      ...args,
    ];
    execFileSync(argv[0] ?? "", argv.slice(1), { cwd: folder, stdio: "ignore" });
  };
  if (asRoot) execFileSync("chown", ["postgres", folder]);
  const data = join(folder, "data");
  call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C");
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1`;
  call("pg_ctl", "-D", data, "-w", "-l", join(folder, "log"), "-o", options, "start");
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop() {
      call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
