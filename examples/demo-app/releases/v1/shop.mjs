import { DatabaseSync } from "@photostructure/sqlite";

/** The shop over its database. Settings: DATABASE, TAX_RATE. */
export function openShop(settings) {
  const database = new DatabaseSync(settings.DATABASE);
  database.exec("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL");
  const taxRate = Number(settings.TAX_RATE);
  let sample = 0;

  function order(id) {
    const found = database.prepare("SELECT * FROM orders WHERE id = ?").get(id);
    const customer = database.prepare("SELECT * FROM customers WHERE id = ?").get(found.customer_id);
    const items = database.prepare("SELECT article, cents FROM items WHERE order_id = ?").all(id);
    return { id, customer: customer.name, tier: customer.tier ?? "none", cents: found.total_cents, items };
  }

  return {
    health: () => ({
      status: "ok",
      release: "v1",
      schema: database.prepare("PRAGMA user_version").get().user_version,
    }),
    order,
    /** One order after the other, so that whoever asks a few times sees what different customers see. */
    sampleOrder: () => order(1 + (sample++ % 1000)),
    placeOrder({ reference, customer, items }) {
      const net = items.reduce((sum, item) => sum + item.cents, 0);
      const tax = Math.round(net * taxRate);
      database.exec("BEGIN IMMEDIATE");
      try {
        const placed = database
          .prepare("INSERT INTO orders (reference, customer_id, tax_cents, total_cents) VALUES (?, ?, ?, ?)")
          .run(reference, customer, tax, net + tax);
        const insert = database.prepare("INSERT INTO items (order_id, article, cents) VALUES (?, ?, ?)");
        for (const item of items) insert.run(placed.lastInsertRowid, item.article, item.cents);
        database.exec("COMMIT");
        return { id: Number(placed.lastInsertRowid), reference };
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    close() {
      // What the write-ahead log holds goes into the file itself: prepared statements keep `close` from doing so.
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    },
  };
}
