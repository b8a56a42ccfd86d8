import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, type Place, startBackout } from "../support/backout-process.js";
import { gitIn } from "../support/git-fixture.js";
import { app, kubernetesWorld, template, until, type World } from "../support/kubernetes-world.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";
import { suiteCluster } from "../support/suite-cluster.js";

/** One system of everything: two workloads on a real cluster, a database, a cache, and what its pipeline is made of. */

const up = suiteCluster();
let world: World;
let postgres: PostgresServer;
let redis: RedisServer;
let folder: string;
let place: Place;

const password = "word-of-the-database";
const token = "token-of-the-api";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const configured = {
  envFrom: [{ configMapRef: { name: "settings" } }],
  env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } }],
};

/** Ready for good: a probe that a busy machine answers late is no reason to fail. */
function podOf(name: string, image = "app:v1"): object {
  const { spec, ...rest } = template({ name, ...configured, image }) as {
    readonly spec: { readonly containers: readonly { readonly readinessProbe: object }[] };
  };
  const containers = spec.containers.map((one) => ({
    ...one,
    readinessProbe: { ...one.readinessProbe, timeoutSeconds: 20, failureThreshold: 10 },
  }));
  return { ...rest, spec: { ...spec, containers } };
}

beforeAll(async () => {
  world = await kubernetesWorld(up());
  [postgres, redis] = await Promise.all([postgresServer(), redisServer()]);
  folder = mkdtempSync(join(tmpdir(), "backout-everything-"));
  await postgres.database("shop");
  await postgres.sql("shop", "create table orders (id int primary key, total numeric not null)");
  await postgres.sql("shop", "insert into orders select n, n * 2.5 from generate_series(1, 500) n");
  await postgres.passwordUser("ops", password, "shop", "superuser");
  await redis.client.mset({ "price:pot": "12.50", "session:anna": "open" });
  pipeline("deploy v1", "none");
  await world.create("configmaps", { metadata: { name: "settings" }, data: { MODE: "quiet" } });
  await world.create("secrets", { metadata: { name: "keys" }, data: { token: base64(token) } });
  for (const name of ["api", "web"]) {
    const one = app({ name }) as { spec: object };
    await world.create("deployments", {
      ...one,
      spec: { ...one.spec, template: podOf(name) },
    });
  }
  const identity = await generateIdentity();
  writeFileSync(join(folder, "backout.yaml"), playbook(await identityToRecipient(identity)));
  const environment = { KUBECONFIG: up().kubeconfig, KEY: identity, DATABASE_PASSWORD: password };
  place = { cwd: folder, environment };
  await ready();
  await done("check");
  await done("checkpoint", "--change", "release");
}, 1_500_000);

afterAll(async () => {
  await Promise.all([postgres?.stop(), redis?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const playbook = (recipient: string): string => `
backout: 1
system: everything
objectives: { rto: 10m, rpo: 1h }
encryption: { recipients: [${recipient}], identity: "\${env:KEY}" }
targets:
  db:
    driver: postgres
    with: { host: 127.0.0.1, port: ${postgres.port}, user: ops, password: "\${env:DATABASE_PASSWORD}", database: shop }
  cache: { driver: redis, with: { url: "${redis.url}", flush: ["price:*"], protect: ["session:*"] } }
  pipeline: { driver: git, with: { path: pipeline } }
  api:
    driver: kubernetes
    uses: [db, cache]
    with: { namespace: ${world.namespace}, deployment: api, secrets: encrypt }
  web: { driver: kubernetes, uses: [db, cache], with: { namespace: ${world.namespace}, deployment: web, secrets: encrypt } }
  anew:
    driver: kubernetes
    uses: [db]
    with: { namespace: ${world.namespace}, objects: [Deployment/api, Deployment/web], secrets: encrypt, way: recreate }
changes:
  release:
    risk: high
    promised: 10m
    targets: [db, cache, pipeline, api, web, anew]
    # A fix that came with the release: it stays.
    keep: { pipeline: [headers.conf] }
scenarios:
  full: { restore: [db, cache, pipeline, api, web], fallback: from-scratch }
  from-scratch: { restore: [db, anew] }
checks:
  orders:
    driver: postgres
    with: { host: 127.0.0.1, port: ${postgres.port}, user: ops, password: "\${env:DATABASE_PASSWORD}", database: shop, query: "select count(*) from orders", equals: "500", timeout: 60s }
`;

/** What the pipeline does from now on. */
function pipeline(text: string, headers: string): void {
  const top = join(folder, "pipeline");
  mkdirSync(top, { recursive: true });
  gitIn(top, "init", "-q");
  for (const [key, value] of [
    ["user.name", "ci"],
    ["user.email", "ci@localhost"],
  ] as const)
    gitIn(top, "config", key, value);
  writeFileSync(join(top, "pipeline.yaml"), `${text}\n`);
  writeFileSync(join(top, "headers.conf"), `${headers}\n`);
  gitIn(top, "add", "-A");
  gitIn(top, "commit", "-qm", text);
}

const backout = (...args: string[]): Promise<Ended> => startBackout(place, ...args).ended;

async function done(...args: string[]): Promise<Ended> {
  const one = await backout(...args);
  expect(one.status, `${args.join(" ")}: ${one.stdout}${one.stderr}`).toBe(0);
  return one;
}

const ready = async (): Promise<void> => {
  for (const name of ["api", "web"]) await world.ready(name);
};

async function imageOf(name: string): Promise<string | undefined> {
  const found = await world.get<{
    spec: { template: { spec: { containers: readonly { readonly image: string }[] } } };
  }>(`deployments/${name}`);
  return found?.spec.template.spec.containers[0]?.image;
}

/** The bad release, everywhere at once. */
async function release(): Promise<void> {
  await postgres.sql("shop", "alter table orders drop column total; insert into orders values (501)");
  await redis.client.set("price:pot", "0.00");
  pipeline("deploy v2 everywhere", "strict");
  await world.patch("configmaps/settings", { data: { MODE: "loud" } });
  for (const name of ["api", "web"]) {
    await world.patch(`deployments/${name}`, { spec: { template: podOf(name, "app:v2") } });
  }
}

async function good(): Promise<void> {
  expect(await postgres.sql("shop", "select count(*), sum(total) from orders")).toBe("500|313125.0");
  expect(await Promise.all(["api", "web"].map(imageOf))).toEqual(["app:v1", "app:v1"]);
  expect((await world.get<{ data: object }>("configmaps/settings"))?.data).toEqual({ MODE: "quiet" });
  await ready();
}

interface Told {
  readonly at: number;
  readonly type: string;
  readonly step?: string;
}

/** From the start of its first step to the end of its last one. */
function spanOf(target: string, facts: readonly Told[]): readonly [number, number] {
  const times = facts.filter(({ step }) => step?.startsWith(`${target}.`)).map(({ at }) => at);
  return [Math.min(...times), Math.max(...times)];
}

test("M15 M19 database, cache, pipeline and both workloads go back as one run, side by side, but for a fix that is kept, told in one report", async () => {
  await release();
  const { stdout } = await done("rollback", "full", "--change", "release", "--yes", "--json");
  const facts = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Told);
  const [api, web] = [spanOf("api", facts), spanOf("web", facts)];
  expect(Math.max(api[0], web[0])).toBeLessThan(Math.min(api[1], web[1]));
  await good();
  expect(await redis.client.mget("price:pot", "session:anna")).toEqual([null, "open"]);
  expect(readFileSync(join(folder, "pipeline", "pipeline.yaml"), "utf8")).toBe("deploy v1\n");
  expect(readFileSync(join(folder, "pipeline", "headers.conf"), "utf8")).toBe("strict\n");
  const report = (await done("report")).stdout;
  for (const name of ["db", "cache", "pipeline", "api", "web"]) expect(report).toContain(name);
  expect(report).toContain("verified");
});

test("W05 H73 one checkpoint holds the database, the settings and the secrets, and nothing of them in clear text", () => {
  const state = join(folder, ".backout", "checkpoints");
  const files = readdirSync(state, { recursive: true, encoding: "utf8" })
    .map((path) => join(state, path))
    .filter((path) => statSync(path).isFile());
  for (const part of ["parts/db/", "parts/api/", "parts/web/"])
    expect(files.filter((path) => path.includes(part) && path.endsWith(".age"))).not.toEqual([]);
  for (const path of files) {
    const text = readFileSync(path, "latin1");
    for (const word of [token, base64(token), password, "CREATE TABLE"])
      expect(text.includes(word), path).toBe(false);
  }
});

test("W08 where the first way fails, the named one deletes and applies the captured manifests, with the data restored", async () => {
  await release();
  await ready();
  await world.create("resourcequotas", { metadata: { name: "few" }, spec: { hard: { pods: "3" } } });
  await until("the quota to be counted", async () =>
    JSON.stringify(await world.get("resourcequotas/few")).includes('"used":{"pods":"4"}'),
  );
  try {
    const hindered = await backout("rollback", "full", "--change", "release", "--again", "--yes");
    expect(hindered.status, hindered.stdout + hindered.stderr).toBe(4);
    expect(hindered.stdout + hindered.stderr).toContain("from-scratch");
  } finally {
    await world.remove("resourcequotas/few");
  }
  // What still ran has written meanwhile.
  await postgres.sql("shop", "insert into orders (id, total) values (777, 1)");
  await done("rollback", "from-scratch", "--change", "release", "--yes");
  await good();
});
