import { DatabaseSync } from "@photostructure/sqlite";

export const seeded = { customers: 2_000, orders: 12_000 } as const;

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA user_version = 1;
  CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, tier TEXT);
  CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    tax_cents INTEGER NOT NULL,
    total_cents INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    article TEXT NOT NULL,
    cents INTEGER NOT NULL
  );
  CREATE INDEX items_of_order ON items (order_id);
`;

/** Prices and totals need only be plausible. */
const rows = `
  BEGIN;
  WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers LIMIT ${seeded.customers})
    INSERT INTO customers
    SELECT id, 'Customer ' || id, CASE id % 5 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' WHEN 2 THEN 'blue' END
    FROM numbers;
  WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers LIMIT ${seeded.orders})
    INSERT INTO orders SELECT id, 'seed-' || id, 1 + id % ${seeded.customers}, 19 + id % 171, 119 + id % 1071
    FROM numbers;
  INSERT INTO items (order_id, article, cents)
    SELECT id, article, (total_cents - tax_cents) / 2 FROM orders, (SELECT 'cup' AS article UNION SELECT 'saucer');
  COMMIT;
`;

/**
 * The shop as v1 left it: two of five customers have no tier. Plain SQL, since a connection that has prepared
 * statements stays open until they are collected, and the database cannot be swapped while somebody has it open.
 */
export function createDatabase(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(schema);
  database.exec(rows);
  database.close();
}

/** Rows of acknowledged orders that are not there: the order's own and those of its items. */
export function rowsMissing(file: string, acknowledged: readonly AcknowledgedOrder[]): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const find = database.prepare(
    "SELECT (SELECT count(*) FROM items WHERE order_id = orders.id) AS items FROM orders WHERE reference = ?",
  );
  let missing = 0;
  for (const { reference, items } of acknowledged) {
    const found = find.get(reference) as { readonly items: number } | undefined;
    missing += found === undefined ? 1 + items : items - found.items;
  }
  database.close();
  return missing;
}

/** An order that a client has been told is placed. References are unique, unlike ids, which a rollback gives out again. */
export interface AcknowledgedOrder {
  readonly reference: string;
  readonly items: number;
}
