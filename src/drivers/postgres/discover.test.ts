import { expect, test } from "vitest";
import { databasesIn } from "./discover.js";
import { options } from "./options.js";

test("databases that .env names are found, each once, without their passwords", () => {
  const found = databasesIn(
    [
      "# the application's",
      'export DATABASE_URL="postgresql://shop:s%40cret@db.internal:6432/shop?schema=public&connection_limit=5"',
      "DIRECT_URL=postgres://owner:s3cret@db.internal:6432/shop",
      "REPORTS_URL='postgres://reader@[::1]/my%20reports'",
      "REDIS_URL=redis://127.0.0.1:6379",
      "BROKEN_URL=postgres://%ZZ@nowhere/%ZZ",
      "SERVER_URL=postgres://user@host",
      "NOTE=see postgres://shop@elsewhere/other",
    ].join("\n"),
  );
  expect(found).toEqual([
    {
      name: "shop",
      with: {
        ...{ host: "db.internal", port: 6432, user: "shop", database: "shop" },
        password: "${env:PGPASSWORD}",
      },
      because: ".env names it as DATABASE_URL; its password is not copied: give it to backout as PGPASSWORD",
    },
    {
      name: "my reports",
      with: { host: "::1", port: 5432, user: "reader", database: "my reports" },
      because: ".env names it as REPORTS_URL",
    },
  ]);
  expect(JSON.stringify(found)).not.toMatch(/s%40cret|s@cret|s3cret/);
  for (const one of found) expect(options.safeParse(one.with).success).toBe(true);
});

test.each(["", "DATABASE_URL=", "DATABASE_URL=mysql://root@db/shop"])("nothing is found in %j", (text) => {
  expect(databasesIn(text)).toEqual([]);
});
