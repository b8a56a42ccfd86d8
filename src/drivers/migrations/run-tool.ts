import type { Server } from "../../clients/postgres/connection-options.js";
import { environmentOf } from "../../clients/postgres/run-program.js";
import type { DriverContext } from "../../core/driver.js";
import type { CommandResult } from "../../core/ports.js";
import type { Options } from "./options.js";

const modes = { disable: "disable", prefer: "prefer", require: "require", verify: "verify-full" } as const;

/** As most tools read it. */
function urlOf({ host, port, user, password, database, tls, ca }: Server): string {
  const name = encodeURIComponent(user) + (password === undefined ? "" : `:${encodeURIComponent(password)}`);
  const socket = host.startsWith("/");
  const more = new URLSearchParams();
  if (socket) more.set("host", host);
  if (tls !== "prefer") more.set("sslmode", modes[tls]);
  if (ca !== undefined) more.set("sslrootcert", ca);
  const at = socket ? "localhost" : host.includes(":") ? `[${host}]` : host;
  const query = more.size === 0 ? "" : `?${more.toString()}`;
  return `postgres://${name}@${at}:${port}/${encodeURIComponent(database)}${query}`;
}

/** In the newer release; the database and the lock time-out come by the environment, the password too. */
export function runTool(
  argv: readonly string[],
  folder: string,
  options: Options,
  server: Server,
  context: DriverContext,
  mark = "backout",
): Promise<CommandResult> {
  return context.host.exec({
    argv,
    cwd: folder,
    env: {
      ...environmentOf(server),
      PGDATABASE: server.database,
      // The client library of these tools takes "prefer" for "require".
      PGSSLMODE: server.tls === "prefer" ? undefined : modes[server.tls],
      PGAPPNAME: mark,
      PGOPTIONS: `-c lock_timeout=${options.lock_timeout} -c client_connection_check_interval=2000`,
      DATABASE_URL: urlOf(server),
      ...options.env,
    },
    timeoutMs: options.timeout,
    signal: context.signal,
    onLine: context.progress,
  });
}
