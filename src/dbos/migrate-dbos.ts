import { application, quietLogger } from "./names.js";

/** Makes DBOS's own tables, or brings them to its version. Its published `DBOS.migrate` would write to the screen. */
export async function migrateDbos(url: string): Promise<void> {
  const { migrateSystemDatabase } = await import("@dbos-inc/dbos-sdk/internal/system_database");
  const { GlobalLogger } = await import("@dbos-inc/dbos-sdk/internal/telemetry/logs");
  const logger = new GlobalLogger(undefined, { logger: quietLogger(() => {}) });
  await migrateSystemDatabase(url, logger, application.schema);
}
