import { DatabaseSync } from "@photostructure/sqlite";

export const seeded = { customers: 2_000, orders: 12_000, items: 24_000 } as const;

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

const tierOf = (customer: number): string | null =>
  ["gold", "silver", "blue", null, null][customer % 5] ?? null;

/** The shop as v1 left it: two of five customers have no tier. */
export function createDatabase(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(schema);
  const customer = database.prepare("INSERT INTO customers VALUES (?, ?, ?)");
  const order = database.prepare("INSERT INTO orders VALUES (?, ?, ?, ?, ?)");
  const item = database.prepare("INSERT INTO items (order_id, article, cents) VALUES (?, ?, ?)");
  database.exec("BEGIN");
  for (let id = 1; id <= seeded.customers; id++) customer.run(id, `Customer ${id}`, tierOf(id));
  for (let id = 1; id <= seeded.orders; id++) {
    const cents = 100 + (id % 900);
    const tax = Math.round(2 * cents * 0.19);
    order.run(id, `seed-${id}`, 1 + (id % seeded.customers), tax, 2 * cents + tax);
    for (const article of ["cup", "saucer"]) item.run(id, article, cents);
  }
  database.exec("COMMIT");
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
