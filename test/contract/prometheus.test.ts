import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SignalContext } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/prometheus/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { httpClient } from "../../src/platform/http-client.js";
import { type MetricsTarget, metricsTarget } from "../support/metrics-target.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";

interface World extends ReadingFixture {
  readonly prometheus: PrometheusServer;
  readonly shop: MetricsTarget;
}

const rules = `
groups:
  - name: shop
    rules:
      - { alert: QueueLong, expr: "queue_depth > 100", labels: { severity: critical } }
      - { alert: QueueGrowing, expr: "queue_depth > 50", labels: { severity: warning } }
`;

async function world(options: JsonObject): Promise<World> {
  const shop = await metricsTarget();
  shop.set("queue_depth", 17);
  shop.set('requests_total{code="200"}', 100);
  shop.set('requests_total{code="500"}', 3);
  shop.set("nothing_by_nothing", "NaN");
  shop.set("endless", "+Inf");
  const prometheus = await prometheusServer({ jobs: { shop: [shop.address] }, rules });
  // A range ends at a full second: there has to be something by then.
  await prometheus.until("queue_depth offset 2s");
  await prometheus.until("count(ALERTS) or on() vector(0)");
  return {
    folder: prometheus.folder,
    options: { url: prometheus.url, ...options },
    prometheus,
    shop,
    cleanUp: async () => {
      await prometheus.stop();
      await shop.close();
    },
  };
}

/** A server that answers everything alike. */
async function answering(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const query = (text: string, more: JsonObject = {}) => ({
  options: ({ prometheus }: World): JsonObject => ({ url: prometheus.url, query: text, ...more }),
});

describeSignal<World>(signal, {
  driver: "prometheus",
  setUp: () => world({ query: "queue_depth" }),
  expect: (reading) => {
    expect(reading).toMatchObject({ value: 17, asked: "queue_depth" });
    expect(Math.abs(Date.now() - (reading.at ?? 0))).toBeLessThan(60_000);
  },
  faults: [
    {
      name: "two series",
      ...query("requests_total"),
      code: "CONFLICT",
      says: /"requests_total" gives 2 series, not one/,
    },
    {
      name: "two series over a range",
      ...query("requests_total", { range: "1m", step: "5s" }),
      code: "CONFLICT",
      says: /gives 2 series, not one/,
    },
    {
      name: "no series",
      ...query("no_such_metric"),
      code: "NOT_FOUND",
      says: /"no_such_metric" gives no series$/,
    },
    {
      name: "NaN",
      ...query("nothing_by_nothing"),
      code: "NOT_FOUND",
      says: /gives "NaN", which measures nothing/,
    },
    { name: "NaN out of 0/0", ...query("vector(0) / vector(0)"), code: "NOT_FOUND", says: /gives "NaN"/ },
    { name: "infinite", ...query("endless"), code: "NOT_FOUND", says: /gives "\+Inf"/ },
    {
      name: "NaN all over a range",
      ...query("nothing_by_nothing", { range: "5s", step: "1s", take: "avg" }),
      code: "NOT_FOUND",
      says: /gives "NaN"/,
    },
    {
      name: "a comparison that is false",
      ...query("queue_depth > 1000"),
      code: "NOT_FOUND",
      says: /gives no series$/,
    },
    {
      name: "a wrong query",
      ...query("sum(("),
      code: "REFUSED",
      says: /refuses the query "sum\(\(": .*parse error/,
    },
    {
      name: "a query that cannot be executed",
      ...query("queue_depth * on() requests_total"),
      code: "REFUSED",
      says: /refuses the query ".*": .*many-to-many|refuses the query ".*": .*multiple matches/,
    },
    {
      name: "a range where one value is needed",
      ...query("queue_depth[5m]"),
      code: "CONFLICT",
      says: /a range of points, not one value/,
    },
    { name: "a text", ...query('"up"'), code: "CONFLICT", says: /gives a text, not a number/ },
    {
      name: "a wrong path prefix",
      options: ({ prometheus }) => ({ url: `${prometheus.url}/prom`, query: "up" }),
      code: "UNREACHABLE",
      says: /answered 404/,
    },
    {
      name: "H65 it is down",
      arrange: async ({ prometheus }) => {
        await prometheus.halt();
        return () => prometheus.start();
      },
      code: "UNREACHABLE",
      says: /could not measure, .*refused/,
    },
  ],
});

describeCheck<World>(check, {
  driver: "prometheus",
  setUp: () =>
    world({ targets: {}, alerts: { severity: "critical" }, query: "queue_depth", atMost: 20, atLeast: 1 }),
  failures: [
    { name: "Z16 a value above", ...query("queue_depth", { atMost: 16 }), says: /"at most 16","17"/ },
    { name: "a value below", ...query("queue_depth", { atLeast: 18 }), says: /"at least 18","17"/ },
    {
      name: "Z16 Z13 a target that is down",
      options: ({ prometheus }) => ({ url: prometheus.url, targets: { job: "shop" } }),
      arrange: async ({ shop, prometheus }) => {
        shop.answer(500);
        await prometheus.until("up", (up) => up === 0);
        return async () => {
          shop.answer(200);
          await prometheus.until("up", (up) => up === 1);
          await prometheus.until("queue_depth");
        };
      },
      says: /0 of 1 up.*500/,
    },
    {
      name: "Z16 a critical alert that is firing",
      options: ({ prometheus }) => ({ url: prometheus.url, alerts: { severity: "critical" } }),
      arrange: async ({ shop, prometheus }) => {
        shop.set("queue_depth", 101);
        await prometheus.until('count(ALERTS{severity="critical",alertstate="firing"})');
        return async () => {
          shop.set("queue_depth", 17);
          await prometheus.until("count(ALERTS)", (count) => count === undefined);
        };
      },
      says: /1 firing.*QueueLong/,
    },
  ],
  faults: [
    {
      name: "no such target",
      options: ({ prometheus }) => ({ url: prometheus.url, targets: { job: "nowhere" } }),
      says: /scrapes no such target/,
    },
    {
      name: "no rule that could have fired",
      options: ({ prometheus }) => ({ url: prometheus.url, alerts: { severity: "page" } }),
      says: /no alerting rule could have severity=.*nothing could have fired/,
    },
    { name: "no series", ...query("no_such_metric", { atMost: 1 }), says: /gives no series/ },
    {
      name: "H65 it is down",
      arrange: async ({ prometheus }) => {
        await prometheus.halt();
        return () => prometheus.start();
      },
      says: /could not measure, .*refused/,
    },
  ],
});

describe("one real server, many questions", () => {
  let real: World;
  let contexts: Contexts;
  beforeAll(async () => {
    real = await world({});
    contexts = await contextsFor(real.folder);
  });
  afterAll(async () => {
    await contexts.cleanUp();
    await real.cleanUp();
  });

  const read = (more: JsonObject, context: SignalContext = contexts.plain()) =>
    signal.read(signal.options.parse({ url: real.prometheus.url, ...more }), context);
  const failure = (more: JsonObject, context?: SignalContext) => rejection(() => read(more, context));

  test.each<[question: JsonObject, value: number]>([
    [{ query: "queue_depth", unit: "jobs" }, 17],
    [{ query: "sum(requests_total)" }, 103],
    [{ query: "scalar(queue_depth) + 1" }, 18],
    [{ query: "42" }, 42],
    [{ query: "queue_depth > bool 1000" }, 0],
    [{ query: 'requests_total{code="500"} / on() sum(requests_total)' }, 3 / 103],
    [{ query: "vector(7)", range: "1m", step: "1s", take: { quantile: 0.95 } }, 7],
    [{ query: "vector(time() % 2)", range: "10s", step: "1s", take: "min" }, 0],
    [{ query: "vector(time() % 2)", range: "10s", step: "1s", take: "max" }, 1],
    [{ query: "queue_depth", range: "5s", step: "1s" }, 17],
  ])("%j", async (question, value) => {
    const reading = await read(question);
    expect(reading).toMatchObject({ value, asked: question["query"] });
    expect(reading.unit).toBe(question["unit"]);
  });

  test("a range's quantile and average are those of its points", async () => {
    const points = { query: "vector(time() % 10)", range: "9s", step: "1s" };
    expect((await read({ ...points, take: "avg" })).value).toBeCloseTo(4.5);
    expect((await read({ ...points, take: { quantile: 0.5 } })).value).toBe(4);
    expect((await read({ ...points, take: { quantile: 0.9 } })).value).toBe(8);
  });

  test("the sample has Prometheus' own time", async () => {
    const before = Date.now();
    const { at } = await read({ query: "time()" });
    expect(at).toBeGreaterThanOrEqual(before - 5);
    expect(at).toBeLessThanOrEqual(Date.now() + 5);
  });

  test.each([
    ["behind", 90_000],
    ["ahead of", -90_000],
  ])("a clock that is %s this machine's is noticed", async (where, shift) => {
    const plain = contexts.plain();
    const context = { ...plain, clock: { ...plain.clock, now: () => Date.now() + shift } };
    for (const more of [{}, { range: "10s", step: "1s" }]) {
      const error = await failure({ query: "vector(1)", ...more }, context);
      expect(error.message).toMatch(
        new RegExp(`clock of http://127.0.0.1:\\d+ is \\d+ ms ${where} this machine's`),
      );
      expect(error.hint).toContain("NTP");
    }
    expect((await read({ query: "vector(1)", skew: "2m" }, context)).value).toBe(1);
  });

  test("10,000 series are counted, not read", async () => {
    for (let n = 0; n < 10_000; n++) real.shop.set(`many{n="${n}",of="ten thousand series of one query"}`, n);
    await real.prometheus.until("count(many)", (count) => count === 10_000);
    for (let n = 0; n < 10_000; n++) {
      real.shop.remove(`many{n="${n}",of="ten thousand series of one query"}`);
    }
    // Gone by now for a query of now, not for one of then.
    const error = await failure({ query: "last_over_time(many[5m]) # all of them" });
    expect(error.message).toContain('"last_over_time(many[5m]) # all of them" gives 10000 series, not one');
    expect(error.hint).toContain("sum(…)");
  });

  test("a series that has ended is stale, and since when", async () => {
    real.shop.set("passing", 5);
    await real.prometheus.until("max_over_time(passing[10m:10s])");
    expect((await read({ query: "passing" })).value).toBe(5);
    real.shop.remove("passing");
    await real.prometheus.until("passing", (value) => value === undefined);
    // A range ends with a whole second.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const over = await failure({ query: "passing", range: "1m", step: "1s", take: "avg" });
    expect(over.message).toMatch(/"passing" gives a series that ended \d+ s ago: it is stale/);
    const now = await failure({ query: "passing" });
    expect(now.message).toMatch(/"passing" gives no series: the last one ended about \d+ s ago, it is stale/);
    expect(now.code).toBe("NOT_FOUND");
  });

  test("check says which of the query's faults are the playbook's", async () => {
    const problems = async (more: JsonObject) =>
      (
        await signal.check?.(signal.options.parse({ url: real.prometheus.url, ...more }), contexts.plain())
      )?.map(({ severity, path }) => `${severity} ${path}`);
    expect(await problems({ query: "up" })).toEqual([]);
    expect(await problems({ query: "sum((" })).toEqual(["error subject.query"]);
    expect(await problems({ query: "requests_total" })).toEqual(["error subject.query"]);
    expect(await problems({ query: "no_such_metric" })).toEqual(["warning subject.query"]);
    expect(await problems({ query: "up", url: "http://127.0.0.1:9" })).toEqual(["warning subject.url"]);
  });

  test.each<[name: string, listener: RequestListener, code: string, says: RegExp]>([
    ["HTML", (_, response) => response.end("<html>Welcome</html>"), "UNREACHABLE", /is no JSON: "<html>/],
    ["other JSON", (_, response) => response.end('{"ok":true}'), "UNREACHABLE", /not Prometheus'/],
    [
      "a login page",
      (_, response) => response.writeHead(302, { location: "/login" }).end(),
      "UNREACHABLE",
      /answered 302/,
    ],
    [
      "an error",
      (_, response) => response.writeHead(500).end("oops"),
      "UNREACHABLE",
      /answered 500 .*"oops"/,
    ],
    ["nothing", () => undefined, "TIMEOUT", /within 300 ms/],
    [
      "another kind of result",
      (_, response) =>
        response.end('{"status":"success","data":{"resultType":"vector","result":[{"value":1}]}}'),
      "NOT_FOUND",
      /not a result of Prometheus/,
    ],
    [
      "a value that is no number",
      (_, response) => {
        const result = [{ metric: {}, value: [Date.now() / 1_000, "seventeen"] }];
        response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
      },
      "NOT_FOUND",
      /gives "seventeen"/,
    ],
    [
      "a partial answer with a warning",
      (_, response) => {
        const data = { resultType: "scalar", result: [Date.now() / 1_000, "1"] };
        response.end(JSON.stringify({ status: "success", data, warnings: ["store-3 did not answer"] }));
      },
      "UNREACHABLE",
      /warns of its answer to "up": store-3 did not answer/,
    ],
  ])("answers with %s: could not measure", async (_name, listener, code, says) => {
    const server = await answering(listener);
    try {
      const error = await failure({ url: server.url, query: "up", timeout: "300ms" });
      expect(error.message).toMatch(says);
      expect(error.code).toBe(code);
    } finally {
      await server.close();
    }
  });
});

describe("who is let in", () => {
  const password = "hunter2secret";
  const hash = "$2b$04$m8JdKdZclvnz6SAXmQu0pOHwcLySBMCJ6uhpoisjcjBtdHH8DkYyu";
  let folder: string;
  let server: PrometheusServer;
  let contexts: Contexts;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-prometheus-tls-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const name = ["-subj", "/CN=prometheus", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", [...kind, "-keyout", key, "-out", cert, ...name], { stdio: "ignore" });
    const ca = await readFile(cert, "utf8");
    const authorization = `Basic ${Buffer.from(`monitor:${password}`).toString("base64")}`;
    server = await prometheusServer({
      jobs: {},
      web: JSON.stringify({
        tls_server_config: { cert_file: cert, key_file: key },
        basic_auth_users: { monitor: hash },
      }),
      scheme: "https",
      ask: async (url) => {
        const request = { url, headers: { authorization }, tls: { ca }, timeoutMs: 5_000 };
        const { status, body } = await httpClient().request(request);
        if (status !== 200) throw new Error(`answered ${status}`);
        return JSON.parse(body) as unknown;
      },
    });
    contexts = await contextsFor(folder);
  });
  afterAll(async () => {
    await contexts.cleanUp();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const user = { username: "monitor", password };
  const read = (url: string, more: JsonObject) =>
    signal.read(signal.options.parse({ url, query: "vector(1)", ...more }), contexts.plain());

  test("basic authentication over TLS with an issuer of one's own", async () => {
    expect((await read(server.url, { ...user, tls: { ca: "cert.pem" } })).value).toBe(1);
  });

  test.each<[name: string, more: JsonObject, code: string, says: RegExp]>([
    [
      "a wrong password",
      { ...user, password: "wrong-one", tls: { ca: "cert.pem" } },
      "DENIED",
      /answered 401/,
    ],
    ["nobody", { tls: { ca: "cert.pem" } }, "DENIED", /answered 401/],
    ["an issuer that is not trusted", user, "UNREACHABLE", /TLS: the certificate's issuer is not trusted/],
    ["a missing certificate file", { ...user, tls: { ca: "gone.pem" } }, "NOT_FOUND", /gone\.pem/],
  ])("%s: could not measure", async (_name, more, code, says) => {
    const error = await rejection(() => read(server.url, more));
    expect(error.message).toMatch(says);
    expect(error.code).toBe(code);
    expect(`${error.message} ${error.hint}`).not.toMatch(/hunter2|wrong-one/);
  });

  test("a bearer token is sent", async () => {
    const proxy = await answering((request, response) => {
      const good = request.headers.authorization === "Bearer t0ken";
      const result = [Date.now() / 1_000, "1"];
      if (!good) response.writeHead(403).end("no");
      else response.end(JSON.stringify({ status: "success", data: { resultType: "scalar", result } }));
    });
    try {
      expect((await read(proxy.url, { bearer: "t0ken" })).value).toBe(1);
      expect((await rejection(() => read(proxy.url, { bearer: "other" }))).code).toBe("DENIED");
    } finally {
      await proxy.close();
    }
  });
});

test.each<[options: JsonObject, says: string]>([
  [{ url: "localhost:9090", query: "up" }, "begins with http:// or https://"],
  [{ url: "http://x", query: "up", take: "avg" }, "write `range` too"],
  [{ url: "http://x", query: "up", step: "5s" }, "write `range` too"],
  [{ url: "http://x", query: "up", range: "10d", step: "10s" }, "at most 11000"],
  [{ url: "http://x", query: "up", range: "5s", step: "10s" }, "longer than the range"],
  [{ url: "http://x", query: "up", range: "200ms" }, "at least 1s"],
  [{ url: "http://x", query: "up", username: "me" }, "belong together"],
  [{ url: "http://x", query: "up", bearer: "t", username: "me", password: "p" }, "not both"],
  [{ url: "http://x", query: "up", tls: { cert: "a.pem" } }, "belong together"],
])("options %j are refused", (options, says) => {
  expect(JSON.stringify(signal.options.safeParse(options).error?.issues)).toContain(says);
});

test.each<[options: JsonObject, says: string]>([
  [{ url: "http://x" }, "nothing is asked"],
  [{ url: "http://x", query: "up" }, "nothing is expected of it"],
  [{ url: "http://x", atMost: 1 }, "of what?"],
])("a check with %j is refused", (options, says) => {
  expect(JSON.stringify(check.options.safeParse(options).error?.issues)).toContain(says);
});
