/**
 * What a server, a database or a role may say of every session, and what backout needs in its place: none of it is meant for
 * a backup or a restore. A database that only reads is a usual lockdown.
 */
export const neededDefaults = (major: number): readonly (readonly [name: string, value: string])[] => [
  ["statement_timeout", "0"],
  ["idle_in_transaction_session_timeout", "0"],
  ["default_transaction_read_only", "off"],
  ...(major >= 14 ? [["idle_session_timeout", "0"] as const] : []),
  ...(major >= 17 ? [["transaction_timeout", "0"] as const] : []),
];

/** For `PGOPTIONS`: what is set there goes before what the database and the role say. */
export const withNeededDefaults = (major: number): string =>
  neededDefaults(major)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
