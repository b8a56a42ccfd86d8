import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Ended, jsonLines } from "../support/backout-process.js";

const playbook = `backout: 1
system: shop
environments: { production: { default: true }, staging: {} }
targets: { data: { driver: sqlite, with: { file: shop.db } } }
signals:
  same_fault: { driver: reports, with: { kind: user, count: same-issue, over: 1h }, every: 200ms }
  holes: { driver: reports, with: { kind: [security, corruption], over: 24h }, every: 200ms }
triggers:
  users_complain: { when: same_fault > 5, level: YELLOW }
  hole: { when: holes > 0, level: RED }
`;

let folder: string;
const run = (...args: string[]): Promise<Ended> => backout({ cwd: folder, environment: {} }, ...args);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "backout-reports-"));
  await writeFile(join(folder, "backout.yaml"), playbook);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Reported {
  readonly report: { readonly id: string; readonly kind: string };
  readonly alike: number;
}

async function report(...words: string[]): Promise<Reported> {
  const ended = await run("report-problem", ...words, "--json");
  expect(ended.status, ended.stderr).toBe(0);
  return jsonLines(ended.stdout)[0] as unknown as Reported;
}

const verdictOf = async (): Promise<string> => {
  const { stdout } = await run("watch", "--until", "2s");
  return /it stayed (GREEN)|worst verdict (\w+)/.exec(stdout)?.slice(1).find(Boolean) ?? stdout;
};

test("L07 more than five reports of one issue are YELLOW; five, and others, are not", async () => {
  for (let n = 1; n <= 5; n++) {
    expect((await report("--kind", "user", "--issue", "checkout fails")).alike).toBe(n);
  }
  await report("--kind", "user", "--issue", "logo is blurred");
  await report("--kind", "user", "--issue", "checkout fails", "--env", "staging");
  expect(await verdictOf()).toBe("GREEN");
  await report("--kind", "user", "--issue", " Checkout  FAILS ", "--note", "card payments");
  expect(await verdictOf()).toBe("YELLOW");
});

test("W14 Z02 a vulnerability that was reported is RED, until it is withdrawn", async () => {
  const { report: made } = await report("--kind", "security", "--note", "CVE in the new parser");
  expect(await verdictOf()).toBe("RED");
  const listed = await run("report-problem", "--list");
  expect(listed.stdout).toContain(made.id);
  expect(listed.stdout).toContain("CVE in the new parser");
  expect((await run("report-problem", "--withdraw", made.id)).stdout).toContain("it counts no more");
  expect((await run("report-problem", "--withdraw", made.id)).status).toBe(0);
  expect(await verdictOf()).toBe("GREEN");
  expect((await run("report-problem", "--list")).stdout).toContain("withdrawn");
});

test.each<[words: string[], status: number, says: string]>([
  [["--kind", "rumour"], 2, 'there is no kind "rumour"'],
  [["--kind", "user", "--issue", "  "], 2, "--issue: is empty"],
  [["--kind", "user", "--issue", "x".repeat(201)], 2, "201 characters, at most 200 are kept"],
  [["--kind", "user", "--list"], 2, "one of --kind, --list and --withdraw"],
  [[], 2, "one of --kind, --list and --withdraw"],
  [["--withdraw", "pr-none"], 1, 'there is no report "pr-none"'],
])("%j is refused with %d", async (words, status, says) => {
  const ended = await run("report-problem", ...words);
  expect(ended.status).toBe(status);
  expect(ended.stderr).toContain(says);
});

test("a damaged report is could not measure, not one less", async () => {
  await report("--kind", "security");
  const reports = join(folder, ".backout", "reports");
  expect(await readdir(reports)).toHaveLength(1);
  await writeFile(join(reports, "pr-torn.json"), '{"id":"pr-to');
  expect(await verdictOf()).toBe("UNKNOWN");
  expect((await run("report-problem", "--list")).stderr).toContain("pr-torn.json: is not a report");
});

test("a state folder that cannot be written: an error, nothing is lost silently", async () => {
  await mkdir(join(folder, ".backout"));
  await writeFile(join(folder, ".backout", "reports"), "in the way");
  const ended = await run("report-problem", "--kind", "user", "--issue", "checkout fails");
  expect(ended.status).toBe(1);
  expect(ended.stderr).toContain("reports");
});
