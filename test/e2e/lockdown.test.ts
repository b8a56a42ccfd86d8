import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Place } from "../support/backout-process.js";

/** An application with a lockdown in front of a database: it notes what is in the database at each call. */
const app = { locked: false, unlocks: true, calls: [] as string[] };
let server: Server;
let folder: string;
let place: Place;

function change(sql: string): void {
  const database = new DatabaseSync(join(folder, "shop.db"));
  database.exec(sql);
  database.close();
}

/** Without opening it as a database: that would count as a use of it. */
const orders = (): number =>
  readFileSync(join(folder, "shop.db")).includes("the bad release's order") ? 3 : 2;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "backout-lockdown-"));
  Object.assign(app, { locked: false, unlocks: true, calls: [] });
  server = createServer((request, response) => {
    if (request.method === "POST") {
      app.calls.push(`${request.url} with ${orders()} orders`);
      const works = request.url === "/lock" || app.unlocks;
      if (works) app.locked = request.url === "/lock";
      response.writeHead(works ? 200 : 500);
    }
    response.end(JSON.stringify({ locked: app.locked }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  change("create table orders (what text); insert into orders values ('first'), ('second')");
  writeFileSync(join(folder, "good"), "");
  writeFileSync(
    join(folder, "backout.yaml"),
    `backout: 1
system: shop
targets:
  data: { driver: sqlite, with: { file: shop.db } }
  door:
    driver: http
    uses: [data]
    with:
      lock: { url: "${url}/lock" }
      unlock: { url: "${url}/unlock" }
      locked: { url: "${url}/state", json: { /locked: true } }
scenarios:
  full: { restore: [data], checks: [works] }
checks:
  works: { driver: command, with: { program: [test, -e, good] }, within: 1s }
`,
  );
  place = { cwd: folder, environment: {} };
  const taken = await backout(place, "checkpoint");
  expect(taken.status, taken.stderr).toBe(0);
  change("insert into orders values ('the bad release''s order')");
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

test("M18 H69 nobody is let in before the restored state is there and has passed its checks", async () => {
  const rolled = await backout(place, "rollback", "--yes");
  expect(rolled.status, `${rolled.stdout}${rolled.stderr}`).toBe(0);
  expect(app.calls).toEqual(["/lock with 3 orders", "/unlock with 2 orders"]);
  expect(app.locked).toBe(false);
});

test("H69 where lifting fails, the run stops with everyone locked out, and resume lifts it", async () => {
  app.unlocks = false;
  const stopped = await backout(place, "rollback", "--yes");
  expect(stopped.status, `${stopped.stdout}${stopped.stderr}`).toBe(4);
  expect(`${stopped.stdout}${stopped.stderr}`).toMatch(/unlock/);
  expect([app.locked, orders()]).toEqual([true, 2]);
  app.unlocks = true;
  const resumed = await backout(place, "resume");
  expect(resumed.status, `${resumed.stdout}${resumed.stderr}`).toBe(0);
  expect([app.locked, orders()]).toEqual([false, 2]);
  expect(app.calls.filter((call) => call.startsWith("/lock"))).toHaveLength(1);
});

test("H69 where a check fails, the run ends as not verified and nobody is let in by it", async () => {
  rmSync(join(folder, "good"));
  const ended = await backout(place, "rollback", "--yes");
  expect(ended.status, `${ended.stdout}${ended.stderr}`).toBe(3);
  expect(ended.stdout).toMatch(/lockdown: on → off; it stays on where a check does not pass/);
  expect([app.locked, orders()]).toEqual([true, 2]);
  expect(app.calls).toEqual(["/lock with 3 orders"]);
});
