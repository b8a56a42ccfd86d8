import type { Connection } from "../../clients/postgres/connection.js";
import { literal } from "../../clients/postgres/identifier.js";

/**
 * Everything that the connection reads from now on is of one moment, that of `snapshot` where one was exported, and is written
 * alike wherever it is read: whole names, dates, numbers and bytes do not depend on the session. Row-level security hides nothing: whoever is under
 * it gets an error. Ends with the connection.
 */
export async function beginReading(connection: Connection, snapshot?: string): Promise<void> {
  await connection.run("begin isolation level repeatable read read only");
  if (snapshot !== undefined) await connection.run(`set transaction snapshot ${literal(snapshot)}`);
  await connection.run(
    `set local search_path = ''; set local row_security = off; set local timezone = 'UTC'; set local datestyle = 'ISO, YMD';
     set local intervalstyle = 'postgres'; set local extra_float_digits = 1; set local bytea_output = 'hex';
     set local xmlbinary = 'base64'; set local lc_monetary = 'C'; set local jit = off`,
  );
}
