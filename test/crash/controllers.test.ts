import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastRun } from "../../src/app/find-run.js";
import { cancelRun, followRun, rollBack } from "../../src/app/roll-back.js";
import { systemStatus } from "../../src/app/system-status.js";
import type { Fact } from "../../src/core/run/fact.js";
import { openEngine } from "../../src/dbos/open-engine.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type EngineUnderTest, look, overDbos, submit } from "./engine/engines.js";
import { openPlace, type Place, testPlan } from "./engine/place.js";
import { bundleWorker, type Worker } from "./engine/start-worker.js";

/** What only the scaled-out engine promises (docs/engines.md). */

const base = mkdtempSync(join(tmpdir(), "backout-controllers-"));
const workers: Worker[] = [];
let server: PostgresServer;
let engine: EngineUnderTest;

beforeAll(async () => {
  server = await postgresServer();
  engine = overDbos({ base, url: await server.database("engine") });
  await bundleWorker(base, ["first"]);
});
afterAll(async () => {
  for (const { process } of workers) process.kill("SIGKILL");
  await Promise.all(workers.map(({ ended }) => ended));
  await server.stop();
  rmSync(base, { recursive: true, force: true });
});

async function controllers(place: Place, count: number): Promise<Worker[]> {
  const some = await Promise.all(Array.from({ length: count }, () => engine.goOn(place)));
  workers.push(...some);
  return some;
}

/** The one that the run was given to. */
const atWork = (some: readonly Worker[]): Promise<Worker> =>
  Promise.any(some.map((worker) => worker.said("type", "assigned").then(() => worker)));

async function toItsEnd(place: Place): Promise<void> {
  const services = await openPlace(place);
  await followRun(services, (await lastRun(services))?.run.id ?? "", {});
  await services.close();
}

const owned = (facts: readonly Fact[]) => facts.filter((fact) => fact.type === "run.owned");

test("one of three controllers killed: another goes on long before the lease expires, with a higher fence", {
  timeout: 120_000,
}, async () => {
  const place = await engine.place("three");
  const three = await controllers(place, 3);
  await submit(place, 400);
  const first = await atWork(three);
  await first.said("fact", "step.started db.stage");
  const killed = Date.now();
  first.process.kill("SIGKILL");
  await toItsEnd(place);
  const { found, facts, effects, broken } = await look(place);
  expect([found.state.outcome, broken]).toEqual(["verified", undefined]);
  expect(new Set(effects).size).toBe(effects.length);
  const [one, other, ...more] = owned(facts);
  expect(more).toEqual([]);
  // How fast it is when nothing else runs is a figure: npm run bench dbos.
  expect((other?.at ?? 0) - killed).toBeLessThan(10_000);
  expect(other?.fence).toBeGreaterThan(one?.fence ?? 0);
  expect(other?.owner.pid).not.toBe(first.process.pid);
});

test("one of three controllers stopped: another finishes, and the stopped one does nothing more when it wakes", {
  timeout: 120_000,
}, async () => {
  const place = await engine.place("stuck");
  const three = await controllers(place, 3);
  await submit(place, 400);
  const first = await atWork(three);
  await first.said("fact", "step.started db.swap");
  first.process.kill("SIGSTOP");
  await toItsEnd(place);
  const before = await look(place);
  first.process.kill("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const after = await look(place);
  expect(before.found.state.outcome).toBe("verified");
  expect(after.facts).toEqual(before.facts);
  expect(after.effects).toEqual(before.effects);
});

test("a controller that is told to leave hands its run over at once", { timeout: 120_000 }, async () => {
  const place = await engine.place("leave");
  const two = await controllers(place, 2);
  await submit(place, 300);
  const first = await atWork(two);
  await first.said("fact", "step.started db.stage");
  first.process.kill("SIGTERM");
  await toItsEnd(place);
  const { found, facts, effects } = await look(place);
  expect(found.state.outcome).toBe("verified");
  expect(new Set(effects).size).toBe(effects.length);
  expect(facts.filter(({ type }) => type === "step.settled")).toEqual([]);
  expect(owned(facts)).toHaveLength(2);
  expect(await first.ended).toBe(0);
});

test("the engine's PostgreSQL is gone for 15 s: the run waits and goes on, in the same process", {
  timeout: 120_000,
}, async () => {
  const place = await engine.place("outage");
  const [controller] = await controllers(place, 1);
  await submit(place, 300);
  await controller?.said("fact", "step.started db.stage");
  const services = await openPlace(place, 60_000);
  const following = followRun(services, (await lastRun(services))?.run.id ?? "", {});
  await server.crash();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  await server.start();
  expect((await following).state.outcome).toBe("verified");
  await services.close();
  const { facts, effects, broken } = await look(place);
  expect([owned(facts).length, broken]).toEqual([1, undefined]);
  expect(effects).toHaveLength(11);
  expect(new Set(effects).size).toBe(11);
});

test("without a controller the run is queued, and the command says what to start; cancelled, it never begins", {
  timeout: 60_000,
}, async () => {
  const place = await engine.place("nobody");
  const services = await openPlace(place);
  await expect(rollBack(services, testPlan(place), { reason: "test" })).rejects.toMatchObject({
    code: "UNREACHABLE",
    message: expect.stringContaining("it is queued, but no controller is at work"),
    hint: expect.stringContaining("backout controller"),
  });
  expect((await systemStatus(services)).run?.state).toBe("queued");
  await expect(cancelRun(services, { reason: "by hand" })).rejects.toMatchObject({ code: "UNREACHABLE" });
  await controllers(place, 1);
  await toItsEnd(place);
  const { found, effects } = await look(place);
  expect([found.state.outcome, effects]).toEqual(["cancelled", []]);
  await services.close();
});

test("whatever is wrong with the engine's database is said, with what to do", async () => {
  const owner = { pid: process.pid, started: "", host: "here" };
  const open = (url: string) => openEngine({ url, owner, patienceMs: 100, connections: 2 });
  const of = (database: string, port = server.port) =>
    `postgres://postgres:secret@127.0.0.1:${port}/${database}`;
  await expect(open(of("engine", 1))).rejects.toMatchObject({
    code: "UNREACHABLE",
    message: expect.stringMatching(/^postgres:\/\/127\.0\.0\.1:1\/engine: (?!.*secret)/),
  });
  await expect(open(of("nowhere"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await server.database("emptied");
  const emptied = await open(of("emptied"));
  await server.sql("emptied", "drop table backout.facts, backout.leases");
  await expect(emptied.journal.facts("run-1")).rejects.toMatchObject({ code: "STATE_CORRUPT" });
  await emptied.close();
  await server.sql("emptied", "update backout.schema_version set version = 99");
  await expect(open(of("emptied"))).rejects.toMatchObject({ code: "STATE_NEWER" });
});

test("any altered fact is found, since each carries the hash of the one before", async () => {
  const place = await engine.place("altered");
  await submit(place);
  await server.sql(
    "engine",
    `update backout.facts set body = replace(body, '"test"', '"else"')
    where run in (select id from backout.runs where system = '${place.system}')`,
  );
  expect((await look(place)).broken).toBe(1);
});

test("a claim over the engine's own database is known by any name of its server", async () => {
  const place = await engine.place("claims");
  const { queue, close } = await openPlace(place);
  const cluster = await server.sql("postgres", "select system_identifier from pg_control_system()");
  const claims = {
    [`postgres:127.0.0.1:${server.port}/engine`]: true,
    [`postgres:localhost:${server.port}/engine`]: true,
    [`postgres:[::1]:${server.port}/engine`]: true,
    [`postgres:localhost:${server.port}`]: true,
    [`postgres-cluster:${cluster}/engine`]: true,
    [`postgres-cluster:${cluster}`]: true,
    [`postgres:localhost:${server.port}/shop`]: false,
    [`postgres:localhost:${server.port + 1}/engine`]: false,
    [`postgres:192.0.2.1:${server.port}/engine`]: false,
    [`postgres-cluster:${cluster}0`]: false,
    "file:/srv/app.db": false,
  };
  const found = await Promise.all(
    Object.keys(claims).map(async (claim) => [claim, await queue?.owns(claim)] as const),
  );
  expect(Object.fromEntries(found)).toEqual(claims);
  await close();
});
