/** Calls `before` ahead of every statement that this process sends to a PostgreSQL: a moment to be killed at like any other. */
export async function countQueries(before: () => void): Promise<void> {
  const { Client } = (await import("pg")).default;
  const query: unknown = Reflect.get(Client.prototype, "query");
  if (typeof query !== "function") throw new Error("pg's client has no query");
  Reflect.set(Client.prototype, "query", function counted(this: unknown, ...values: unknown[]): unknown {
    before();
    return Reflect.apply(query, this, values) as unknown;
  });
}
