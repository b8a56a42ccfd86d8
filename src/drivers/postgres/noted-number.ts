/**
 * For psql: writes the number down. Once the locks are held, with which PostgreSQL has logged the number itself: one that it has
 * not is given to another transaction after a crash.
 */
export const noted = (file: string): string[] => [
  `\\o '${file.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`,
  "select pg_current_xact_id()::text;",
  "\\o /dev/null",
];
