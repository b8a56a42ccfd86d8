import type { Client } from "pg";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Server, shownServer } from "./connection-options.js";
import { failureOf } from "./failure.js";
import { postgresError } from "./postgres-error.js";
import { neededDefaults } from "./session-defaults.js";

type Value = string | number | boolean | null | readonly (string | number | null)[];

/** One connection. Failures are BackoutErrors of effect `none`; `wrap` them where a statement may have had one. */
export interface Connection {
  readonly server: Server;
  /** The server without a password: for messages. */
  readonly shown: string;
  /** `15`. */
  readonly major: number;
  /** Number of the server's process that serves this connection. */
  readonly pid: number;
  rows<Row extends object>(sql: string, values?: readonly Value[]): Promise<Row[]>;
  /** The first row; a query without one is a mistake of ours. */
  row<Row extends object>(sql: string, values?: readonly Value[]): Promise<Row>;
  /** Without an answer; several statements separated by semicolons are one transaction. */
  run(sql: string): Promise<void>;
  /** The library's own client, for what is not covered here. Its errors are raw: see `postgresError`. */
  readonly client: Client;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** In place of the server's own. */
  readonly database?: string;
  /** How long the way to the server may take, milliseconds. */
  readonly connectMs?: number;
  /** No statement may take longer; 0, the default, leaves it to the caller's signal. */
  readonly statementMs?: number;
  /** No lock is waited for longer. Default 10 s: whoever waits stalls all that come behind. */
  readonly lockMs?: number;
}

const connectMs = 10_000;
const lockMs = 10_000;
/** So often a server looks whether this client is still there while it works for it. */
const aliveMs = 2_000;

/**
 * Connects as `backout`. When the context's signal aborts, the server is asked to end the statement that runs, and the
 * connection is cut: what waits for it rejects with the signal's reason.
 */
export async function connect(
  server: Server,
  context: Pick<DriverContext, "host" | "signal">,
  more: ConnectOptions = {},
): Promise<Connection> {
  context.signal.throwIfAborted();
  const to = more.database === undefined ? server : { ...server, database: more.database };
  const shown = shownServer(to);
  const said = (error: unknown): unknown =>
    context.signal.aborted ? context.signal.reason : postgresError(error, shown);
  let client: Client;
  try {
    client = await open(to, context, more.connectMs ?? connectMs);
  } catch (error) {
    throw said(error);
  }
  const onAbort = (): void => void cut(client, to, context);
  context.signal.addEventListener("abort", onAbort, { once: true });
  const rows: Connection["rows"] = async <Row extends object>(sql: string, values: readonly Value[] = []) => {
    try {
      return (await client.query(sql, [...values])).rows as Row[];
    } catch (error) {
      throw said(error);
    }
  };
  const close = async (): Promise<void> => {
    context.signal.removeEventListener("abort", onAbort);
    await client.end().catch(() => {});
  };
  try {
    const [about] = await rows<{ version: string; pid: number }>(
      "select current_setting('server_version_num') as version, pg_backend_pid() as pid",
    );
    const major = Math.floor(Number(about?.version) / 10_000);
    const settings = [
      ...neededDefaults(major),
      ["statement_timeout", String(more.statementMs ?? 0)],
      ["lock_timeout", String(more.lockMs ?? lockMs)],
    ];
    await rows(
      `select ${settings.map(([name, value]) => `set_config('${name}', '${value}', false)`).join(", ")}`,
    );
    if (major >= 14) await rows(`set client_connection_check_interval = ${aliveMs}`).catch(() => {});
    return {
      ...{ server: to, shown, major, pid: about?.pid ?? 0, rows, client, close },
      row: async <Row extends object>(sql: string, values?: readonly Value[]) => {
        const [first] = await rows<Row>(sql, values);
        if (first === undefined)
          throw new BackoutError("INTERNAL", `${shown}: no row for: ${sql}`, { effect: "none" });
        return first;
      },
      run: async (sql) => {
        try {
          await client.query(sql);
        } catch (error) {
          throw said(error);
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Connects, works, closes. */
export async function withConnection<Result>(
  server: Server,
  context: Pick<DriverContext, "host" | "signal">,
  work: (connection: Connection) => Promise<Result>,
  more: ConnectOptions = {},
): Promise<Result> {
  const connection = await connect(server, context, more);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Servers that were asked and speak no TLS: not asked again by every connection, where TLS is only preferred. */
const withoutTls = new Set<string>();

async function open(server: Server, context: Pick<DriverContext, "host">, ms: number): Promise<Client> {
  const pg = (await import("pg")).default;
  const attempt = async (ssl: object | false): Promise<Client> => {
    const { host, port, user, database } = server;
    const client = new pg.Client({
      ...{ host, port, user, database, ssl },
      // Explicit, so that neither the environment nor a password file decides.
      password: server.password ?? "",
      application_name: "backout",
      connectionTimeoutMillis: ms,
      keepAlive: true,
    });
    // What ends an idle connection is told by the next query.
    client.on("error", () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  };
  const { tls, ca } = server;
  if (tls === "disable" || server.host.startsWith("/")) return attempt(false);
  if (tls === "verify") {
    const authority =
      ca === undefined ? {} : { ca: Buffer.from(await context.host.files.read(ca)).toString() };
    return attempt({ ...authority });
  }
  const place = `${server.host}:${server.port}`;
  if (tls === "prefer" && withoutTls.has(place)) return attempt(false);
  try {
    return await attempt({ rejectUnauthorized: false });
  } catch (error) {
    if (tls === "require" || failureOf(error)?.kind !== "no-tls") throw error;
    withoutTls.add(place);
    return attempt(false);
  }
}

/** Over a second connection, since the first is busy; best effort, as the server may be what is gone. */
async function cut(client: Client, server: Server, { host }: Pick<DriverContext, "host">): Promise<void> {
  const { processID } = client as unknown as { processID: number | null };
  try {
    const other = await open(server, { host }, 2_000);
    await other.query("select pg_cancel_backend($1)", [processID]).catch(() => {});
    await other.end();
  } catch {
    // Then the server notices by itself that nobody listens any more.
  } finally {
    await client.end().catch(() => {});
  }
}
