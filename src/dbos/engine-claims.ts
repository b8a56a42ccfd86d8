import { lookup } from "node:dns/promises";
import type { PostgresDatabase } from "../storage/postgres-database.js";

/** `postgres:host:port/database`, a whole server `postgres:host:port`, or `postgres-cluster:<system identifier>`. */
const serverClaim = /^postgres:(\[[^\]]+\]|[^:/]+)(?::(\d+))?(?:\/(.+))?$/;
const clusterClaim = /^postgres-cluster:(\d+)(?:\/(.+))?$/;

/** Whether a claim is over the engine's own database: by name where that suffices, else by address or by what the server says of itself. */
export async function ownsDatabase(database: PostgresDatabase, claim: string): Promise<boolean> {
  const url = new URL(database.url);
  const own = decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username);
  const cluster = clusterClaim.exec(claim);
  if (cluster !== null) {
    const [, id, name = own] = cluster;
    return name === own && id === (await systemIdentifier(database));
  }
  const server = serverClaim.exec(claim);
  if (server === null) return false;
  const [, host = "", port = "5432", name = own] = server;
  if (name !== own || port !== (url.port || "5432")) return false;
  const [theirs, ours] = await Promise.all([addresses(host), addresses(url.hostname)]);
  return theirs.some((address) => ours.includes(address));
}

async function systemIdentifier(database: PostgresDatabase): Promise<string | undefined> {
  const sql = "select system_identifier::text as id from pg_control_system()";
  return (await database.query<{ id: string }>(sql).catch(() => []))[0]?.id;
}

/** Every address of this machine's loopback is one. A name that cannot be looked up stands for itself. */
async function addresses(host: string): Promise<string[]> {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  const found = await lookup(name, { all: true }).catch(() => [{ address: name }]);
  return found.map(({ address }) => (address === "::1" || address.startsWith("127.") ? "loopback" : address));
}
