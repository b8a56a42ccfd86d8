import pg from "pg";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import type { PostgresServer } from "./postgres-server.js";
import { type PostgresWorld, postgresWorld } from "./postgres-world.js";

export type ShopSession = TargetSession<PostgresWorld>;

/** Shops on one server, each in a database of its own and a session of the driver. */
export function shopsOn(server: () => PostgresServer, always: JsonObject = {}) {
  let made = 0;
  return {
    async withShop(
      work: (session: ShopSession) => Promise<void>,
      more: JsonObject = {},
      name?: string,
    ): Promise<void> {
      made++;
      const options = { ...always, ...more };
      const session = await targetSession(target, {
        ...{ driver: "postgres", faults: [] },
        setUp: () => postgresWorld(name ?? `shop_${made}`, { server: server(), options }),
      });
      try {
        await work(session);
      } finally {
        await session.cleanUp();
      }
    },
    /** Whoever else uses the database; being thrown out is no failure. */
    async client(database: string, user = "postgres"): Promise<pg.Client> {
      const one = new pg.Client({ host: "127.0.0.1", port: server().port, user, database });
      one.on("error", () => {});
      await one.connect();
      return one;
    },
  };
}
