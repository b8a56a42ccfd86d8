import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import { type Problem, problem, warning } from "../../core/errors.js";
import type { Options } from "./options.js";
import { neededFor, readRoom } from "./room.js";
import type { Standing } from "./standing.js";

/** Where the files are on this machine and may be looked at; else that it cannot be known is said. */
export async function room(
  name: string,
  connection: Connection,
  { bytes }: Standing,
  { way }: Pick<Options, "way">,
  context: Pick<DriverContext, "host">,
): Promise<Problem[]> {
  const found = await readRoom(connection, context);
  if (found.free === null) {
    const why =
      found.folder === null
        ? `"${connection.server.user}" may not see its data directory`
        : "its data directory is not on this machine";
    return [
      warning(
        name,
        `whether the server has room for a second copy (${Math.ceil(bytes / 1e6)} MB) cannot be known: ${why}`,
        found.folder === null
          ? `grant pg_read_all_settings to ${identifier(connection.server.user)}; or \`df -h\` on the server`
          : "`df -h` on the server",
      ),
    ];
  }
  if (found.free >= neededFor(bytes)) return [];
  const fact = `${found.folder}: ${Math.floor(found.free / 1e6)} MB are free, a second copy needs ${Math.ceil(neededFor(bytes) / 1e6)} MB`;
  const mend = `make room there: \`df -h ${found.folder}\``;
  if (way !== "auto") return [problem(name, fact, mend)];
  return [
    warning(
      name,
      `${fact}: a restore has to drop the database first, and its outage lasts as long as the restore`,
      mend,
    ),
  ];
}
