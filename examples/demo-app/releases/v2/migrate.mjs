// v2 adds an order's total up from its items, so the column goes: what was in it is lost, and v1 cannot work without it.
import { DatabaseSync } from "@photostructure/sqlite";

const database = new DatabaseSync(process.env.DATABASE);
database.exec("PRAGMA busy_timeout = 5000");
database.exec("BEGIN IMMEDIATE; ALTER TABLE orders DROP COLUMN total_cents; PRAGMA user_version = 2; COMMIT");
database.close();
