import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, Reading } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/http/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";

interface App extends ReadingFixture {
  readonly origin: string;
  /** Every request: `GET /health`. */
  readonly asked: readonly string[];
  /** Most requests that were open at the same time. */
  readonly mostOpen: () => number;
  stop(): Promise<void>;
}

const listen = (server: { listen(port: number, host: string, done: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => void server.listen(0, "127.0.0.1", resolve));

const portOf = (server: Pick<Server, "address">): number => (server.address() as AddressInfo).port;

async function app(options: (origin: string) => JsonObject = () => ({})): Promise<App> {
  const asked: string[] = [];
  let open = 0;
  let most = 0;
  let flaps = 0;
  const routes: Record<string, RequestListener> = {
    "/health": (_request, response) => {
      response.setHeader("X-Version", "41");
      response.end('{"status":"up","queue":{"depth":17},"parts":[{"name":"db","ok":true}]}');
    },
    "/broken": (_request, response) => void response.writeHead(500).end("Internal error: token hunter2"),
    "/dashboard": (_request, response) => void response.writeHead(307, { location: "/login" }).end(),
    "/login": (_request, response) => void response.end("Please log in"),
    "/loop": (_request, response) => void response.writeHead(302, { location: "/loop" }).end(),
    "/silent": () => undefined,
    "/slow": (_request, response) => void setTimeout(() => response.end("at last"), 300),
    "/reset": (request) => void request.socket.resetAndDestroy(),
    "/hang-up": (request) => void request.socket.destroy(),
    "/cut": (request, response) => {
      response.write("beginning of");
      setTimeout(() => request.socket.destroy(), 30);
    },
    "/short": (request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("beginning of");
      setTimeout(() => request.socket.destroy(), 30);
    },
    "/huge": (_request, response) => void response.end(`"${"x".repeat(5 << 20)}"`),
    "/nan": (_request, response) => void response.end('{"value":NaN}'),
    "/text": (_request, response) => void response.end('{"value":"12"}'),
    "/flapping": (_request, response) => void response.writeHead(flaps++ % 4 === 0 ? 503 : 200).end(),
    "/echo": (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on("end", () => response.end(`${request.method} ${request.headers["x-who"]} ${body}`));
    },
  };
  const server = createServer({ keepAliveTimeout: 1 }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    open++;
    most = Math.max(most, open);
    response.on("close", () => {
      open--;
    });
    const route = routes[new URL(request.url ?? "/", "http://x").pathname];
    if (route === undefined) response.writeHead(404).end("no such page");
    else route(request, response);
  });
  await listen(server);
  const origin = `http://127.0.0.1:${portOf(server)}`;
  const folder = await mkdtemp(join(tmpdir(), "backout-http-"));
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    folder,
    origin,
    asked,
    mostOpen: () => most,
    options: { url: `${origin}/health`, ...options(origin) },
    stop,
    cleanUp: async () => {
      if (server.listening) await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A port on which nothing listens: it was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await listen(server);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Answers every connection with the same bytes, whatever is asked. */
async function says(bytes: string): Promise<{ url: string; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
  await listen(server);
  return {
    url: `127.0.0.1:${portOf(server)}/`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

const at = (path: string, more: JsonObject = {}) => ({
  options: ({ origin }: App): JsonObject => ({ url: `${origin}${path}`, ...more }),
});

describeCheck<App>(check, {
  driver: "http",
  setUp: () =>
    app(() => ({
      json: { "/status": "up", "/parts/0": { ok: true, name: "db" } },
      header: { "x-version": "41" },
      contains: "depth",
      latency: "5s",
    })),
  failures: [
    { name: "H43 a 500", ...at("/broken"), says: /"200","500","body: .*Internal error/ },
    {
      name: "H44 a path under the wrong prefix",
      ...at("/api/health"),
      says: /nothing at the path .*\/api\/health.*prefix/,
    },
    { name: "M22 a redirect that was not named", ...at("/dashboard"), says: /307.*redirected to .*\/login/ },
    { name: "a redirect without end", ...at("/loop", { followRedirects: 3 }), says: /302/ },
    { name: "another value", ...at("/health", { json: { "/status": "down" } }), says: /json \/status/ },
    { name: "too slow an answer", ...at("/slow", { latency: "100ms" }), says: /at most 100 ms/ },
    {
      name: "no answer within more than the promised latency",
      ...at("/silent", { latency: "100ms", timeout: "200ms" }),
      says: /latency.*at most 100 ms.*within 200 ms/,
    },
    { name: "reset", ...at("/reset"), says: /no answer.*closed/ },
    { name: "hung up", ...at("/hang-up"), says: /no answer.*closed/ },
    { name: "chunks cut short", ...at("/cut"), says: /no answer.*closed/ },
    { name: "a body cut short", ...at("/short"), says: /no answer.*closed/ },
    {
      name: "a huge body that is to be JSON",
      ...at("/huge", { json: { "": "x" } }),
      says: /longer than 1 MiB/,
    },
    { name: "bad JSON", ...at("/nan", { json: { "/value": 1 } }), says: /is no JSON/ },
  ],
  faults: [
    {
      name: "an unknown host name",
      options: () => ({ url: "http://no-such-host.invalid/", timeout: "30s" }),
      says: /no-such-host\.invalid.*DNS/,
    },
    { name: "no answer in time", ...at("/silent", { timeout: "200ms" }), says: /within 200 ms/ },
    {
      name: "TLS towards a server without it",
      options: ({ origin }) => ({ url: `${origin.replace("http:", "https:")}/health` }),
      says: /TLS/,
    },
  ],
});

describeSignal<App>(signal, {
  driver: "http",
  setUp: () => app(() => ({ value: { json: "/queue/depth" } })),
  expect: (reading) => expect(reading).toEqual({ value: 17 }),
  faults: [
    {
      name: "nothing there",
      ...at("/health", { value: { json: "/queue/length" } }),
      code: "UNREACHABLE",
      says: /nothing at "\/queue\/length" is not a number/,
    },
    { name: "NaN", ...at("/nan", { value: { json: "/value" } }), code: "UNREACHABLE", says: /is no JSON/ },
    {
      name: "a number as text",
      ...at("/text", { value: { json: "/value" } }),
      code: "UNREACHABLE",
      says: /12.* at "\/value" is not a number/,
    },
    {
      name: "H43 a 500 whose body is not the answer",
      ...at("/broken", { value: { json: "/value" } }),
      code: "UNREACHABLE",
      says: /answered 500, not 200/,
    },
    {
      name: "reset, for a status",
      ...at("/reset", { value: "status" }),
      code: "UNREACHABLE",
      says: /could not measure.*closed/,
    },
    {
      name: "too slow, for a status",
      ...at("/silent", { value: "status", timeout: "200ms" }),
      code: "UNREACHABLE",
      says: /could not measure.*within 200 ms/,
    },
    {
      name: "H65 an unknown host name is no failure of the system",
      options: () => ({ url: "http://no-such-host.invalid/", value: "failure-ratio", timeout: "30s" }),
      code: "UNREACHABLE",
      says: /could not measure.*DNS/,
    },
  ],
});

describe("answers of a real server", () => {
  let server: App;
  let contexts: Contexts;
  beforeAll(async () => {
    server = await app();
    contexts = await contextsFor(server.folder);
  });
  afterAll(async () => {
    await contexts.cleanUp();
    await server.cleanUp();
  });

  const read = (path: string, more: JsonObject): Promise<Reading> =>
    signal.read(signal.options.parse({ url: `${server.origin}${path}`, ...more }), contexts.plain());
  const run = (options: JsonObject): Promise<Check[]> =>
    check.run(check.options.parse(options), contexts.plain());

  test.each<[path: string, options: JsonObject, value: number]>([
    ["/health", { value: "ok" }, 1],
    ["/broken", { value: "ok" }, 0],
    ["/broken", { value: "ok", status: 500 }, 1],
    ["/hang-up", { value: "ok" }, 0],
    ["/cut", { value: "ok" }, 0],
    ["/silent", { value: "ok", timeout: "100ms" }, 0],
    ["/dashboard", { value: "status" }, 307],
    ["/dashboard", { value: "status", followRedirects: 1 }, 200],
    ["/broken", { value: "status" }, 500],
    ["/flapping", { value: "failure-ratio", probes: 8 }, 0.25],
    ["/flapping", { value: "failure-ratio", probes: 8, concurrency: 4 }, 0.25],
    ["/reset", { value: "failure-ratio", probes: 3 }, 1],
    ["/silent", { value: "latency", probes: 2, concurrency: 2, timeout: "150ms" }, 150],
  ])("%s %j", async (path, options, value) => {
    expect((await read(path, options)).value).toBe(value);
  });

  test("latency is that of the slow ones at a high quantile", async () => {
    const { value, unit } = await read("/slow", { value: "latency", probes: 3, concurrency: 3 });
    expect(unit).toBe("ms");
    expect(value).toBeGreaterThanOrEqual(290);
    expect(value).toBeLessThan(5_000);
  });

  test("probes go one after another unless told otherwise", async () => {
    const own = await app();
    try {
      const options = { url: `${own.origin}/slow`, value: "ok", probes: 3 };
      await signal.read(signal.options.parse(options), contexts.plain());
      expect(own.mostOpen()).toBe(1);
      await signal.read(signal.options.parse({ ...options, concurrency: 3 }), contexts.plain());
      expect(own.mostOpen()).toBe(3);
      expect(own.asked).toEqual(Array.from({ length: 6 }, () => "GET /slow"));
    } finally {
      await own.cleanUp();
    }
  });

  test("connections that the server closes at once are no failures", async () => {
    expect((await read("/health", { value: "failure-ratio", probes: 40, concurrency: 4 })).value).toBe(0);
  });

  test("nothing listens: the system is down, which is a failure and not an error", async () => {
    const url = `http://127.0.0.1:${await freePort()}/health`;
    expect(await run({ url })).toMatchObject([
      { result: "failed", message: expect.stringContaining("refused") },
    ]);
    const reading = await signal.read(signal.options.parse({ url, value: "ok" }), contexts.plain());
    expect(reading.value).toBe(0);
    for (const value of ["status", "latency", { json: "/a" }]) {
      const options = signal.options.parse({ url, value });
      const error = await rejection(() => signal.read(options, contexts.plain()));
      expect(error.message).toContain("could not measure");
    }
  });

  test("what answers without HTTP is down", async () => {
    const other = await says("SSH-2.0-OpenSSH_9.6\r\n");
    try {
      const [result] = await run({ url: `http://${other.url}` });
      expect(result).toMatchObject({ result: "failed", message: expect.stringContaining("HTTP") });
    } finally {
      await other.close();
    }
  });

  test("method, headers and body are sent", async () => {
    const options = {
      url: `${server.origin}/echo`,
      method: "POST",
      headers: { "X-Who": "backout" },
      body: "ping",
      contains: "POST backout ping",
    };
    expect((await run(options)).map((one) => one.result)).toEqual(["passed", "passed"]);
  });

  test("H73 user, password and query stay out of names and messages", async () => {
    const url = `${server.origin.replace("//", "//admin:hunter2@")}/broken?token=hunter3`;
    const said = JSON.stringify(await run({ url }));
    expect(said).toContain("/broken: status");
    expect(said.replace("token hunter2", "")).not.toMatch(/hunter|admin/);
  });

  test("cancelled: the reason comes through", async () => {
    const reason = new Error("cancelled by the operator");
    const context = { ...contexts.plain(), signal: AbortSignal.abort(reason) };
    const url = `${server.origin}/health`;
    await expect(check.run(check.options.parse({ url }), context)).rejects.toBe(reason);
    await expect(signal.read(signal.options.parse({ url, value: "ok" }), context)).rejects.toBe(reason);
  });

  test.each<[name: string, options: JsonObject, found: string[]]>([
    ["reachable", {}, []],
    ["H70 a method that writes", { method: "POST" }, ["warning subject.method"]],
    ["H44 reachable under a wrong path is reachable", { path: "/nowhere" }, []],
  ])("check: %s", async (_name, { path, ...more }, found) => {
    const options = check.options.parse({ url: `${server.origin}${path ?? "/health"}`, ...more });
    const before = server.asked.length;
    const problems = (await check.check?.(options, contexts.plain())) ?? [];
    expect(problems.map((one) => `${one.severity} ${one.path}`)).toEqual(found);
    expect(server.asked.slice(before)).toEqual([`HEAD ${path ?? "/health"}`]);
  });

  test("check: not reachable is a warning, not a URL an error", async () => {
    const problemsOf = async (url: string) =>
      (await check.check?.(check.options.parse({ url }), contexts.plain())) ?? [];
    const [gone] = await problemsOf(`http://127.0.0.1:${await freePort()}/`);
    expect(gone).toMatchObject({ severity: "warning", path: "subject.url" });
    const [wrong] = await problemsOf("http://");
    expect(wrong).toMatchObject({ severity: "error", path: "subject.url" });
  });
});

test.each<[options: JsonObject, says: string]>([
  [{ url: "localhost:3000", value: "ok" }, "begins with http:// or https://"],
  [{ url: "http://x", value: "status", probes: 2 }, "2 probes give 2 values"],
  [{ url: "http://x", value: { json: "a.b" } }, "JSON pointer"],
  [{ url: "http://x", value: "ok", timeout: 5 }, "not a duration with a unit"],
  [{ url: "http://x", value: "ok", status: [] }, "status"],
])("options %j are refused", (options, says) => {
  const { error } = signal.options.safeParse(options);
  expect(JSON.stringify(error?.issues)).toContain(says);
});

test("a URL may be a reference to be resolved later", () => {
  expect(check.options.safeParse({ url: "${env:HEALTH_URL}" }).success).toBe(true);
});
