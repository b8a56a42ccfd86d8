import { createHash } from "node:crypto";

/** PostgreSQL cuts longer names off, silently. */
const mostBytes = 63;
const digits = 12;

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, digits);

/** The part that a person recognises; what tells names apart is the digest behind it. */
const readable = (database: string): string => database.replace(/[^A-Za-z0-9_]+/g, "_").toLowerCase();

function name(kind: string, database: string, parts: readonly string[]): string {
  const [before, after] = [`backout_${kind}_`, `_${digest([database, ...parts])}`];
  return `${before}${readable(database).slice(0, mostBytes - before.length - after.length)}${after}`;
}

/** Of the database beside the live one, into which that state is restored. */
export const stagedName = (database: string, identity: string): string =>
  name("staged", database, [identity]);

/** Of the database that the swap with this key has replaced. */
export const keptName = (database: string, key: string): string => name("kept", database, [key]);
