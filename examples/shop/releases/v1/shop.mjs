import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";

/** The shop over PostgreSQL and Redis. Settings: DATABASE_URL, REDIS_URL. */
export function openShop(settings) {
  const pool = new pg.Pool({ connectionString: settings.DATABASE_URL, max: 4 });
  // A connection that was ended is replaced by the next query.
  pool.on("error", () => undefined);
  const redis = new Redis(settings.REDIS_URL, { maxRetriesPerRequest: null });
  const mails = new Queue("mails", { connection: redis });
  const postman = new Worker("mails", async () => redis.incr("mails-sent"), {
    connection: redis.duplicate(),
  });
  let sample = 0;

  const first = async (text, values) => (await pool.query(text, values)).rows[0];

  /** What an article costs: asked of the database once, then of the cache. */
  async function price(article) {
    const known = await redis.get(`price:${article}`);
    if (known !== null) return Number(known);
    const { cents } = await first("select cents from articles where name = $1", [article]);
    await redis.set(`price:${article}`, cents);
    return cents;
  }

  async function order(id) {
    const found = await first(
      "select o.total_cents, c.name, c.tier from orders o join customers c on c.id = o.customer_id where o.id = $1",
      [id],
    );
    const { rows } = await pool.query("select article, cents from items where order_id = $1", [id]);
    return { id, customer: found.name, tier: found.tier ?? "none", cents: found.total_cents, items: rows };
  }

  return {
    health: async () => ({
      status: "ok",
      release: "v1",
      schema: (await first("select version from schema")).version,
    }),
    order,
    price,
    /** One order after the other, so that whoever asks a few times sees what different customers see. */
    sampleOrder: () => order(1 + (sample++ % 1000)),
    async placeOrder({ reference, customer, items }) {
      const client = await pool.connect();
      let id;
      try {
        await client.query("begin");
        const total = items.reduce((sum, item) => sum + item.cents, 0);
        const { rows } = await client.query(
          "insert into orders (reference, customer_id, total_cents) values ($1, $2, $3) returning id",
          [reference, customer, total],
        );
        for (const { article, cents } of items) {
          const values = [rows[0].id, article, cents];
          await client.query("insert into items (order_id, article, cents) values ($1, $2, $3)", values);
        }
        await client.query("commit");
        id = rows[0].id;
      } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
      } finally {
        client.release();
      }
      await price(items[0].article);
      await mails.add("placed", { reference }, { removeOnComplete: true });
      return { id, reference };
    },
    async close() {
      await postman.close();
      await mails.close();
      redis.disconnect();
      await pool.end();
    },
  };
}
