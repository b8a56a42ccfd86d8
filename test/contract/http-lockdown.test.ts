import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { Json } from "../../src/core/json.js";
import { target } from "../../src/drivers/http/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";

/** An application that can be locked. `fails` answers without doing, `mute` does and never answers. */
const app = { locked: false, how: "works" as "works" | "fails" | "lies" | "mute", calls: 0 };
let server: Server;
let contexts: Contexts;
let url = "";

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/state") {
      response.end(JSON.stringify({ locked: app.locked }));
      return;
    }
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    app.calls++;
    if (app.how === "works" || app.how === "mute") app.locked = request.url === "/lock";
    if (app.how === "mute") request.socket.destroy();
    else response.writeHead(app.how === "fails" ? 500 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  contexts = await contextsFor(tmpdir());
});
afterAll(async () => {
  await contexts.cleanUp();
  await new Promise((resolve) => server.close(resolve));
});

const taken = {
  part: { identity: "", summary: "", data: null, artifacts: [], at: 0 },
  folder: tmpdir(),
};

const given = (more: object = {}): Json =>
  target.options.parse({
    lock: { url: `${url}/lock` },
    unlock: { url: `${url}/unlock` },
    locked: { url: `${url}/state`, json: { "/locked": true } },
    ...more,
  }) as Json;

function planned(driver: TargetDriver, options: Json): StepSpec[] {
  const observed = { identity: "open", summary: "open", data: null };
  const intent = { ...restoreOnly, restore: false, quiesce: true };
  return driver.plan({ captured: undefined, restoreMs: undefined, observed, options, intent });
}

async function call(what: "apply" | "settle", operation: string, options: Json = given()) {
  const job = { operation, input: {}, options, captured: undefined };
  return target[what](job, await contexts.step(taken, `run/${operation}`, 1));
}

test("M18 H69 locked out after staging, let in last, and the plan says what becomes of it when that fails", () => {
  const steps = planned(target, given());
  expect(steps.map(({ phase, operation, needs }) => [phase, operation, needs ?? []])).toEqual([
    ["quiesce", "lock", []],
    ["unfence", "unlock", ["lock"]],
  ]);
  expect(steps[1]?.impact?.changes?.[0]?.after).toContain(`then by hand with POST ${url}/unlock`);
});

test("locked and let in again, each seen; again changes nothing", async () => {
  expect(await call("settle", "lock")).toMatchObject({ state: "not-applied" });
  expect(await call("apply", "lock")).toMatchObject({ changed: true });
  expect(app.locked).toBe(true);
  expect(await call("settle", "lock")).toMatchObject({ state: "applied" });
  expect(await call("apply", "lock")).toMatchObject({ changed: false });
  expect(await call("settle", "unlock")).toMatchObject({ state: "not-applied" });
  expect(await call("apply", "unlock")).toMatchObject({ changed: true });
  expect(app.locked).toBe(false);
});

test.each([
  {
    how: "fails" as const,
    code: "COMMAND_FAILED",
    says: /POST .*\/unlock: .*status is "500"/,
    settled: "not-applied",
  },
  { how: "lies" as const, code: "CHECK_FAILED", says: /nothing has changed/, settled: "not-applied" },
  { how: "mute" as const, code: "UNREACHABLE", says: /\/unlock/, settled: "applied" },
])("H69 a lifting that $how is not taken for done", async ({ how, code, says, settled }) => {
  app.locked = true;
  app.how = how;
  try {
    const error = await rejection(() => call("apply", "unlock"));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(says) as string]);
    expect(await call("settle", "unlock")).toMatchObject({ state: settled });
  } finally {
    app.how = "works";
    app.locked = false;
  }
});

test("H17 without a way to see it, a call that nobody saw the end of is put to a person, unless it may be repeated", async () => {
  const blind = given({ locked: undefined });
  expect(await call("settle", "unlock", blind)).toMatchObject({ state: "unknown" });
  expect(planned(target, blind).map(({ onIndeterminate }) => onIndeterminate)).toEqual([
    undefined,
    undefined,
  ]);
  const repeatable = given({ locked: undefined, idempotent: true });
  expect(planned(target, repeatable).map(({ onIndeterminate }) => onIndeterminate)).toEqual([
    "retry",
    "retry",
  ]);
});

test("checking asks, and neither locks nor unlocks", async () => {
  const before = app.calls;
  expect(await target.check?.(given(), contexts.plain())).toEqual([]);
  expect(app.calls).toBe(before);
  const dead = given({ unlock: { url: "http://127.0.0.1:1/unlock" } });
  expect(await target.check?.(dead, contexts.plain())).toMatchObject([
    { message: expect.stringContaining("not reachable") as string },
  ]);
});

test("a lockdown is nothing to restore or to restart", () => {
  for (const intent of [{ restore: true }, { restart: true }]) {
    const wanted = { ...restoreOnly, restore: false, ...intent };
    const observed = { identity: "open", summary: "open", data: null };
    expect(() =>
      target.plan({ captured: undefined, restoreMs: undefined, observed, options: given(), intent: wanted }),
    ).toThrow(/lockdown has nothing/);
  }
});
