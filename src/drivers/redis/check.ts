import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import type { Connected } from "./connect.js";
import { configOf, infoOf, modulesOf, persistenceOf, persistenceText } from "./info.js";
import { withMasters } from "./masters.js";
import type { Options } from "./options.js";
import { namespacesOf } from "./scope.js";

const oldestForKeys = 7;

export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  const at = `${context.name}.url`;
  const found: Problem[] = [];
  try {
    await withMasters(options, async (masters) => {
      for (const master of masters) found.push(...(await serverProblems(master, options, at)));
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    found.push(problem(at, error.message, error.hint));
  }
  if (options.cluster && namespacesOf(options).length > 0) {
    found.push(
      problem(`${context.name}.namespaces`, "keys of a cluster cannot be brought back", "use `flush` alone"),
    );
  }
  const needed =
    namespacesOf(options).length > 0 || (options.preserve && !options.cluster && options.flush.length > 0);
  return needed ? [...found, ...(await toolProblems(context))] : found;
}

async function serverProblems({ redis, place }: Connected, options: Options, at: string): Promise<Problem[]> {
  const found: Problem[] = [];
  const info = await infoOf(redis);
  const version = info["redis_version"] ?? "unknown";
  if (namespacesOf(options).length > 0 && Number.parseInt(version, 10) < oldestForKeys) {
    found.push(
      problem(at, `${place.shown}: is Redis ${version}, bringing keys back needs 7.0`, "use `flush` alone"),
    );
  }
  if (info["role"] === "slave") {
    found.push(
      problem(at, `${place.shown}: is a replica, which takes no writes`, "name the primary in `url`"),
    );
  }
  if (info["rdb_last_bgsave_status"] === "err") {
    found.push(
      problem(
        at,
        `${place.shown}: its last snapshot failed`,
        "look into its log and at the disk that it saves to",
      ),
    );
  }
  if (namespacesOf(options).length > 0 && options.modules.length === 0) {
    for (const { name, path } of await modulesOf(redis)) {
      const fact = `${place.shown}: has the module "${name}"; a snapshot with keys of its own is only read with it`;
      found.push(warning(at, fact, `name its file under \`modules\`: ${path}`));
    }
  }
  found.push(...(await rightProblems({ redis, place }, options, at)));
  const persistence = await persistenceOf(redis, info);
  if (persistence.save === "" && !persistence.appendOnly) {
    found.push(
      warning(
        at,
        `${place.shown}: ${persistenceText(persistence)}; what is brought back is lost on a restart`,
      ),
    );
  }
  if (options.rdb === "file" && (await configOf(redis, "dir")) === undefined) {
    found.push(
      problem(at, `${place.shown}: does not tell where it saves to`, "permit CONFIG GET, or leave `rdb` out"),
    );
  }
  return found;
}

/** Asked of the server itself, without doing anything: ACL DRYRUN. */
async function rightProblems({ redis, place }: Connected, options: Options, at: string): Promise<Problem[]> {
  const found: Problem[] = [];
  const user = String(await redis.call("ACL", "WHOAMI").catch(() => "default"));
  const key = "backout";
  const calls: string[][] = [["SCAN", "0"]];
  if (namespacesOf(options).length > 0) {
    calls.push(["BGSAVE"], ["LASTSAVE"], ["TYPE", key], ["PEXPIRETIME", key]);
    calls.push(["RESTORE", key, "0", "x"]);
  }
  if (namespacesOf(options).length > 0 || options.flush.length > 0) calls.push(["UNLINK", key]);
  if (options.queues.length > 0) calls.push(["EVAL", "return 1", "0"]);
  for (const call of calls) {
    const answer = await redis.call("ACL", "DRYRUN", user, ...call).catch(() => "OK");
    if (answer === "OK" || !/no permissions to run/i.test(String(answer))) continue;
    found.push(
      problem(
        at,
        `${place.shown}: user "${user}" may not use ${call[0]}`,
        `ACL SETUSER ${user} +${call[0]?.toLowerCase()}`,
      ),
    );
  }
  return found;
}

async function toolProblems(context: DriverContext): Promise<Problem[]> {
  const found: Problem[] = [];
  for (const tool of ["redis-server", "redis-check-rdb", "redis-cli"]) {
    try {
      await context.host.exec({ argv: [tool, "--version"], signal: context.signal, timeoutMs: 10_000 });
    } catch (error) {
      if (!(error instanceof BackoutError && error.code === "TOOL_MISSING")) throw error;
      found.push(problem(context.name, error.message, "on Debian: apt-get install redis-server"));
    }
  }
  return found;
}
