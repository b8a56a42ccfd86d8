import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FollowedPart } from "../../src/core/follow.js";
import { type Ended, jsonLines, type Place, startBackout } from "../support/backout-process.js";
import { app, kubernetesWorld, template, until, type World } from "../support/kubernetes-world.js";
import { lookingRules, readerWith } from "../support/reader-rights.js";
import { suiteCluster } from "../support/suite-cluster.js";

const up = suiteCluster();
let world: World;
let folder: string;
let place: Place;

const says = "echo db postgres://shop:pass-in-a-url@db/shop, word-of-another-target";
const good = (word: string): object => template({ first: `${says}, ${word}` });
/** Runs, and never becomes ready. */
const mute = (word: string): object => template({ first: `${says}, ${word}`, path: "elsewhere" });

beforeAll(async () => {
  world = await kubernetesWorld(up());
  folder = mkdtempSync(join(tmpdir(), "backout-observe-"));
  writeFileSync(
    join(folder, "backout.yaml"),
    `backout: 1
system: shop
variables: { kubeconfig: ${up().kubeconfig} }
targets:
  api:
    driver: kubernetes
    with: { kubeconfig: "\${kubeconfig}", namespace: ${world.namespace}, deployment: api }
  db: { driver: command, with: { restart: { run: ["true", "\${env:DB_PASSWORD}"] } } }
scenarios:
  full: { restore: [api] }
  again: { strategy: restart, restart: [db] }
environments:
  own: { default: true }
  reader: { variables: { kubeconfig: reader.json } }
  nobody: { variables: { kubeconfig: nobody.json } }
`,
  );
  place = { cwd: folder, environment: { DB_PASSWORD: "word-of-another-target" } };
  const object = app() as { spec: object };
  await world.create("deployments", { ...object, spec: { ...object.spec, template: good("first release") } });
  await world.ready("api");
}, 1_500_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const backout = (...args: string[]): Promise<Ended> => startBackout(place, ...args).ended;

const change = (to: object): Promise<void> => world.patch("deployments/api", { spec: { template: to } });

interface Told {
  readonly type: string;
  readonly parts: readonly FollowedPart[];
  readonly text: string;
  readonly subject: string;
}

const podsSay = (text: string): Promise<void> =>
  until(`a pod to say ${text}`, async () => JSON.stringify(await world.get("pods")).includes(text));

test("M26 pods, events, logs and resource use are seen while it rolls back; it ends by itself, with the rollback", async () => {
  const taken = await backout("checkpoint");
  expect(taken.status, taken.stdout + taken.stderr).toBe(0);
  await change(mute("second release"));
  const following = startBackout(place, "observe", "--follow", "--json");
  await following.said("second release");
  const went = await backout("rollback", "full", "--yes");
  expect(went.status, went.stdout + went.stderr).toBe(0);
  const { status, stdout, stderr } = await following.ended;
  expect(status, stdout.slice(-2_000) + stderr).toBe(0);
  const told = jsonLines(stdout) as unknown as Told[];
  const of = (type: string) => told.filter((one) => one.type === `observe.${type}`);
  expect(told.at(-1)).toMatchObject({ type: "observe.end", how: "settled" });

  const parts = of("state").flatMap((one) => one.parts);
  expect(parts.map(({ name }) => name)).toContain("Deployment/api");
  const [before, after] = [parts[0], parts.at(-1)];
  expect(before).toMatchObject({ state: "going", summary: expect.stringMatching(/^\d of 2 pods ready/) });
  expect(after).toMatchObject({ state: "done", summary: "2 of 2 pods ready" });
  expect(after?.units.map(({ phase, ready, wanted }) => [phase, ready, wanted])).toEqual([
    ["Running", true, true],
    ["Running", true, true],
  ]);
  const units = parts.flatMap((part) => part.units);
  expect(units.some(({ wanted, ready }) => wanted && !ready)).toBe(true);
  expect(units.some(({ wanted }) => !wanted)).toBe(true);

  const events = of("event").map(({ subject, text }) => `${subject} ${text}`);
  expect(events.join("\n")).toMatch(/Pod\/api-\S+ Unhealthy: Readiness probe failed/);
  expect(events.join("\n")).toMatch(/Deployment\/api ScalingReplicaSet: /);
  const lines = of("line").map(({ text }) => text);
  expect(lines.some((line) => line.endsWith("second release"))).toBe(true);
  expect(lines.filter((line) => line.endsWith("first release")).length).toBeGreaterThan(1);
  // Metrics need a server of their own, which not every cluster has.
  const measured = units.some(({ memory }) => memory !== undefined);
  const missing = JSON.stringify(of("missing"));
  expect(measured || missing.includes("it serves no metrics.k8s.io")).toBe(true);

  for (const secret of ["pass-in-a-url", "word-of-another-target"]) expect(stdout).not.toContain(secret);
  expect(stdout).toContain("postgres://shop:***@db/shop, ***");
});

test("M26 without a terminal each change is a line, and the last picture stands at the end; --until ends it in the middle", async () => {
  await change(template({ first: "echo cannot open it; false" }));
  await podsSay('"CrashLoopBackOff"');
  const { status, stdout } = await backout("observe", "full", "--until", "5s");
  expect(status, stdout).toBe(3);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}api-\S+ {2}\w+, not ready, \d+ restarts?$/m);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}Pod\/api-\S+ {2}warning: BackOff: /m);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}api-\S+\/app {2}\| cannot open it$/m);
  expect(stdout).toMatch(/\n\nshop\/own\nDeployment\/api {2}/);
});

test("what will not become ready by itself is no end to wait for", async () => {
  await change(template({ image: "app:v9" }));
  await podsSay('"ErrImageNeverPull"');
  const { status, stdout } = await backout("observe", "api", "--follow");
  expect(status, stdout).toBe(3);
  expect(stdout).toMatch(/^Deployment\/api {2}stuck: api-\S+: app: ErrImageNeverPull/m);
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^something will not become ready by itself/);
  const once = await backout("observe");
  expect([once.status, once.stderr]).toEqual([3, ""]);
  expect(once.stdout).toMatch(/^shop\/own\nDeployment\/api {2}stuck: /);
});

test("what the user may not read is said to be missing; what may not be looked at at all is refused", async () => {
  await change(good("fourth release"));
  await world.ready("api");
  await readerWith(up(), world, folder, lookingRules);
  const { status, stdout, stderr } = await backout("observe", "--follow", "--env", "reader");
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/events {2}not available: .*cannot list resource "events"/);
  expect(stdout).toMatch(/logs {2}not available: .*cannot get resource "pods\/log"/);
  expect(stdout).toMatch(/^Deployment\/api {2}2 of 2 pods ready$/m);

  const other = readFileSync(join(folder, "reader.json"), "utf8");
  writeFileSync(join(folder, "nobody.json"), other.replace(up().tokens.reader, up().tokens.nobody));
  const refused = await backout("observe", "--follow", "--env", "nobody");
  expect([refused.status, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/nobody" cannot (get|list) resource/);
  for (const [name, fact] of [
    ["nothing", /there is no target or scenario "nothing"/],
    ["db", /db: driver "command" cannot follow its target/],
  ] as const) {
    const ended = await backout("observe", name);
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringMatching(fact)]);
  }
});
