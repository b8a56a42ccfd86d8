import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backout, type Ended, jsonLines } from "../support/backout-process.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

const playbook = (system: string): string => `backout: 1
system: ${system}
engine: "\${env:ENGINE_URL}"
targets: { data: { driver: sqlite, with: { file: shop.db } } }
signals:
  holes: { driver: reports, with: { kind: security, over: 24h }, every: 200ms }
triggers:
  hole: { when: holes > 0, level: RED }
`;

let server: PostgresServer;
const folders: string[] = [];

beforeAll(async () => {
  server = await postgresServer();
});
afterAll(async () => {
  await server.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

type Machine = (...args: string[]) => Promise<Ended>;

/** As another machine has it: a folder of its own, and only the database in common. */
async function machine(url: string, system = "shop"): Promise<Machine> {
  const cwd = await mkdtemp(join(tmpdir(), "backout-machine-"));
  folders.push(cwd);
  await writeFile(join(cwd, "backout.yaml"), playbook(system));
  return (...args) => backout({ cwd, environment: { ENGINE_URL: url } }, ...args);
}

const verdictOf = async (on: Machine): Promise<string> => {
  const { stdout, stderr } = await on("watch", "--until", "2s");
  return /it stayed (GREEN)|worst verdict (\w+)/.exec(stdout)?.slice(1).find(Boolean) ?? stdout + stderr;
};

const idsOn = async (on: Machine): Promise<unknown[]> => {
  const { status, stdout, stderr } = await on("report-problem", "--list", "--json");
  expect(status, stderr).toBe(0);
  return jsonLines(stdout).map(({ id }) => id);
};

test("W14 what is reported on one machine makes the watch on another RED, until it is withdrawn on a third", async () => {
  const url = await server.database("engine");
  const [one, other, third] = [await machine(url), await machine(url), await machine(url)];
  const stranger = await machine(url, "warehouse");
  const made = await one("report-problem", "--kind", "security", "--note", "CVE in the new parser", "--json");
  expect(made.status, made.stderr).toBe(0);
  const { id } = (jsonLines(made.stdout)[0] as { report: { id: string } }).report;
  expect(await idsOn(other)).toEqual([id]);
  expect(await verdictOf(other)).toBe("RED");
  expect(await idsOn(stranger)).toEqual([]);
  expect((await stranger("report-problem", "--withdraw", id)).stderr).toContain(`there is no report "${id}"`);
  expect((await third("report-problem", "--withdraw", id)).status).toBe(0);
  expect((await third("report-problem", "--withdraw", id)).status).toBe(0);
  expect(await verdictOf(other)).toBe("GREEN");
  expect((await one("report-problem", "--list")).stdout).toContain("withdrawn");
});

test("the tables of an earlier backout get those of the reports; a damaged report is could not measure", async () => {
  const url = await server.database("earlier");
  const one = await machine(url);
  expect(await idsOn(one)).toEqual([]);
  await server.sql(
    "earlier",
    "drop table backout.problem_reports; update backout.schema_version set version = 1",
  );
  const made = await one("report-problem", "--kind", "user", "--issue", "checkout fails");
  expect(made.status, made.stderr).toBe(0);
  expect(await idsOn(one)).toHaveLength(1);
  await server.sql(
    "earlier",
    "insert into backout.problem_reports (system, id, at, body) values ('shop', 'pr-torn', 0, '{')",
  );
  expect((await one("report-problem", "--list")).stderr).toContain('"pr-torn" is not a report');
  expect(await verdictOf(one)).toBe("UNKNOWN");
});
