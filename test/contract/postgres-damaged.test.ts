import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { shopsOn } from "../support/postgres-shops.js";
import { spoilFile } from "../support/spoil-file.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await postgresServer();
});
afterAll(() => server?.stop());

const { withShop } = shopsOn(() => server);

async function damage(database: string, table: string): Promise<void> {
  const path = await server.sql(database, `select pg_relation_filepath('${table}')`);
  await server.sql(database, "checkpoint");
  await server.crash();
  await spoilFile(join(server.folder, "data", path));
  await server.start();
}

test("W10 a database with a damaged table is planned and comes back, though nobody can read what was written since", () =>
  withShop(
    async ({ fixture, observe, plan, bringBack }) => {
      await damage(fixture.database, "orders");
      const seen = await observe();
      expect(seen).toMatchObject({ identity: "damaged" });
      expect(seen.summary).toMatch(/is damaged \(invalid page in block 0/);
      const steps = plan(seen);
      expect(steps.map(({ operation }) => operation)).toEqual(["stage", "swap"]);
      expect(JSON.stringify(steps)).toMatch(/what was written since the checkpoint cannot be told/);
      await bringBack("whole");
      expect((await observe()).identity).not.toBe("damaged");
    },
    { keepLostRows: true },
  ));

test("W10 in place it comes back without the dump that cannot be made, and the plan says that nothing can be taken back", () =>
  withShop(
    async ({ fixture, observe, plan, bringBack }) => {
      await damage(fixture.database, "orders");
      const [step, ...more] = plan(await observe());
      expect(more).toEqual([]);
      expect(step).toMatchObject({
        operation: "restore-in-place",
        impact: { irreversible: expect.stringMatching(/it is damaged, so no dump of it can be made/) },
      });
      await bringBack("damaged");
    },
    { way: "in-place" },
  ));

test("where there is no room either, it is neither dropped nor filled up beside: the plan is refused", () =>
  withShop(async ({ fixture, observe, plan }) => {
    await damage(fixture.database, "orders");
    const seen = await observe();
    const { room, ...rest } = seen.data as { room: { folder: string } };
    const full = { ...seen, data: { ...rest, room: { ...room, free: 5_000_000 } } };
    expect(() => plan(full)).toThrow(/it is damaged, so none can be made/);
  }));

test("M18 a database that its lockdown has set to only read comes back, in place as well", () =>
  withShop(
    async ({ fixture, bringBack }) => {
      await fixture.break();
      await server.sql(
        "postgres",
        `alter database "${fixture.database}" set default_transaction_read_only = on`,
      );
      await bringBack("locked");
    },
    { way: "in-place" },
  ));
