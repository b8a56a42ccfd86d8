import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { SignalContext } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { signal } from "../../src/drivers/alertmanager/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type AlertmanagerServer, alertmanagerServer } from "../support/alertmanager-server.js";
import { freePort } from "../support/free-port.js";

interface World extends ReadingFixture {
  readonly server: AlertmanagerServer;
}

const critical = { severity: "critical" };

async function world(): Promise<World> {
  const server = await alertmanagerServer();
  await server.fire({ alertname: "Watchdog", severity: "none" });
  await server.fire({ alertname: "Down", job: "shop", ...critical });
  await server.fire({ alertname: "Down", job: "api", ...critical });
  await server.fire({ alertname: "Down", job: "muted", ...critical });
  await server.fire({ alertname: "Slow", severity: "warning" });
  await server.silence({ job: "muted" });
  // A silence takes a moment until alerts are marked by it.
  for (let left = 100; left > 0; left--) {
    const active = await fetch(`${server.url}/api/v2/alerts?silenced=false`);
    if (((await active.json()) as unknown[]).length === 4) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    folder: server.folder,
    server,
    options: { url: server.url, match: critical, watchdog: "Watchdog", settle: "0s" },
    cleanUp: () => server.stop(),
  };
}

describeSignal<World>(signal, {
  driver: "alertmanager",
  setUp: world,
  expect: (reading) =>
    expect(reading).toEqual({ value: 2, unit: "alerts", asked: 'active alerts {severity="critical"}' }),
  faults: [
    {
      name: "one that was just started",
      options: ({ options }) => ({ ...options, settle: "1d" }),
      code: "CONFLICT",
      says: /was started \d+ s ago, and may not know of all alerts yet/,
    },
    {
      name: "one that Prometheus does not reach",
      options: ({ options }) => ({ ...options, watchdog: "AlwaysThere" }),
      code: "CONFLICT",
      says: /does not have the alert "AlwaysThere"/,
    },
    {
      name: "a wrong path prefix",
      options: ({ server, options }) => ({ ...options, url: `${server.url}/prom` }),
      code: "UNREACHABLE",
      says: /answered 404/,
    },
    {
      name: "H65 it is down",
      arrange: async ({ server }) => {
        await server.halt();
        return () => server.start();
      },
      code: "UNREACHABLE",
      says: /refused/,
    },
  ],
});

test.each<[name: string, listener: RequestListener, says: RegExp]>([
  ["HTML", (_, response) => response.end("<html>"), /is no JSON/],
  ["other JSON", (_, response) => response.end('{"alerts":1}'), /not Alertmanager's/],
  ["a flood", (_, response) => response.end(JSON.stringify("x".repeat(3e6))), /more than 1 MiB/],
])("an answer of %s: could not measure", async (_name, listener, says) => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const folder = await mkdtemp(join(tmpdir(), "backout-alerts-"));
  const contexts = await contextsFor(folder);
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await rejection(() => signal.read(signal.options.parse({ url }), contexts.plain()));
    expect(error.message).toMatch(says);
  } finally {
    server.close();
    server.closeAllConnections();
    await contexts.cleanUp();
    await rm(folder, { recursive: true, force: true });
  }
});

describe("told by the webhook", () => {
  const token = "t0ken-of-the-webhook";
  const endings: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function listening(more: JsonObject = {}) {
    const folder = await mkdtemp(join(tmpdir(), "backout-alerts-"));
    const contexts: Contexts = await contextsFor(folder);
    endings.push(() => rm(folder, { recursive: true, force: true }), contexts.cleanUp);
    const port = await freePort();
    const listen = { port, bearer: token, heartbeat: "4s", ...more };
    const options = signal.options.parse({ listen, match: critical, watchdog: "Watchdog" });
    const stop = new AbortController();
    endings.push(async () => stop.abort());
    const context: SignalContext = { ...contexts.plain(), signal: stop.signal };
    await signal.listen?.(options, context);
    const url = `http://127.0.0.1:${port}/`;
    const send = async (
      body: string,
      headers: Record<string, string> = { authorization: `Bearer ${token}` },
    ) => (await fetch(url, { method: "POST", body, headers })).status;
    const read = () => signal.read(options, contexts.plain()).then(({ value }) => value);
    return { url, port, options, context, contexts, stop, send, read };
  }

  /** Reads until it is that, for at most half a minute. */
  async function until(read: () => Promise<number>, wanted: number): Promise<void> {
    let last: unknown;
    for (let left = 150; left > 0; left--) {
      last = await read().catch((error: unknown) => error);
      if (last === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`it is ${String(last)}, not ${wanted}`);
  }

  test("a real Alertmanager: none, firing, resolved, gone", async () => {
    const { url, read } = await listening({ heartbeat: "8s" });
    expect((await rejection(read)).message).toContain("nothing was heard of Alertmanager yet");
    const server = await alertmanagerServer({ url, token });
    endings.push(() => server.stop());
    await server.fire({ alertname: "Watchdog" });
    await until(read, 0);
    await server.fire({ alertname: "Down", ...critical });
    await server.fire({ alertname: "Slow", severity: "warning" });
    await until(read, 1);
    await server.resolve({ alertname: "Down", ...critical });
    await until(read, 0);
    await server.halt();
    for (let left = 100; left > 0; left--) {
      const error = await read().then(
        () => undefined,
        (reason: Error) => reason.message,
      );
      if (error?.includes("nothing was heard of Alertmanager for") === true) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("that it is silent was not noticed");
  });

  const payload = (more: JsonObject = {}) =>
    JSON.stringify({
      version: "4",
      groupKey: "{}:{}",
      status: "firing",
      alerts: [{ status: "firing", labels: { alertname: "Down", ...critical }, fingerprint: "f1" }],
      ...more,
    });

  test("H72 nobody without the token is heard, and garbage is refused", async () => {
    const { send, read, url, contexts } = await listening();
    const bearer = { authorization: `Bearer ${token}` };
    expect(await send(payload(), {})).toBe(401);
    expect(await send(payload(), { authorization: "Bearer other" })).toBe(401);
    expect(await send("{", bearer)).toBe(400);
    expect(await send(payload({ version: "3" }), bearer)).toBe(400);
    expect(await send(payload({ alerts: [{ status: "burning" }] }), bearer)).toBe(400);
    expect(await send("[]", bearer)).toBe(400);
    expect((await fetch(url, { headers: bearer })).status).toBe(405);
    expect((await fetch(`${url}other`, { method: "POST", headers: bearer, body: payload() })).status).toBe(
      404,
    );
    expect((await rejection(read)).message).toContain("nothing was heard of Alertmanager yet");
    expect(contexts.lines.join()).toContain("without the right token was refused");
    expect(contexts.lines.join()).not.toContain(token);
    expect(await send(payload(), bearer)).toBe(200);
    expect(await read()).toBe(1);
  });

  test("more than a MiB is refused, and it goes on listening", async () => {
    const { send, read } = await listening();
    const sent = await send("x".repeat(3e6)).catch(() => 413);
    expect(sent).toBe(413);
    expect(await send(payload())).toBe(200);
    expect(await read()).toBe(1);
  });

  test("what was heard outlives the watch", async () => {
    const { send, stop, options, contexts } = await listening();
    expect(await send(payload())).toBe(200);
    stop.abort();
    const next = contexts.plain();
    expect((await signal.read(options, next)).value).toBe(1);
  });

  test("two watches cannot both listen, and the port is free when one ends", async () => {
    const { options, contexts, stop, port } = await listening();
    const error = await rejection(async () => signal.listen?.(options, contexts.plain()));
    expect(error.message).toContain(`127.0.0.1:${port}: something listens there already`);
    stop.abort();
    const second = new AbortController();
    endings.push(async () => second.abort());
    for (let left = 50; left > 0; left--) {
      const context = { ...contexts.plain(), signal: second.signal };
      const again = await signal.listen?.(options, context).then(
        () => true,
        () => false,
      );
      if (again === true) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the port was not free");
  });

  test("many at once are all heard", async () => {
    const { send, read } = await listening();
    const one = (n: number) =>
      payload({
        alerts: [{ status: "firing", labels: { alertname: "Down", ...critical }, fingerprint: `f${n}` }],
      });
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, n) => send(one(n))));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await read()).toBe(20);
  });
});

test.each<[options: JsonObject, says: string]>([
  [{}, "write one of them"],
  [{ url: "http://x", listen: { port: 9095 } }, "write one of them"],
  [{ listen: { port: 9095, host: "0.0.0.0" } }, "whoever reaches this address could start a rollback"],
  [{ listen: { port: 0 } }, "port"],
  [{ listen: { port: 9095, path: "hook" } }, 'a path begins with \\"/\\"'],
])("options %j are refused", (options, says) => {
  expect(JSON.stringify(signal.options.safeParse(options).error?.issues)).toContain(says);
});
