import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { localProcesses } from "../../src/platform/process-identity.js";
import { backout, type Started, startBackout } from "../support/backout-process.js";
import { me, type StepPlaybook, type StepSystem, stepSystem } from "../support/step-system.js";

let system: StepSystem;
const left: (() => void)[] = [];
afterEach(() => {
  for (const one of left.splice(0)) one();
  system.remove();
});

const node = process.execPath;
const waits = { restart: [node, "worker.mjs", "a"] };
const quick = (name: string) => ({ restart: ["sh", "-c", `echo ${name} >> done`] });
const one: StepPlaybook = { targets: { a: waits }, scenarios: { again: { restart: ["a"] } } };

const go = (): void => writeFileSync(join(system.folder, "go"), "");
const run = (...args: string[]) => backout(system.place, ...args);
const start = (...args: string[]): Started => {
  const started = startBackout(system.place, ...args);
  left.push(() => started.process.kill("SIGKILL"));
  return started;
};

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let rounds = 0; !(await holds()); rounds++) {
    if (rounds > 9_000) throw new Error(`never: ${what}`);
    await sleep(10);
  }
}

/** The worker of step `a` works, and the journal knows it: who is stopped now is not stopped in the middle of a write. */
async function atWork(): Promise<void> {
  const known = async () => (await system.facts()).some(({ type }) => type === "step.process");
  await until(async () => ticks().length > 0 && (await known()), "a works");
}

/** Not merely waiting to be collected by its parent. */
const runs = (pid: number): boolean => localProcesses.identify(pid) !== undefined;
const ticks = (): string[] => system.lines("ticks");
const types = async (): Promise<unknown[]> => (await system.facts()).map(({ type }) => type);

test("what a killed backout had started is gone before its step begins again; a daemon that it left lives on", async () => {
  const daemon = `setsid sh -c 'echo $$ > daemon; exec sleep 60' >/dev/null 2>&1 </dev/null & exec ${node} worker.mjs a`;
  system = stepSystem({ ...one, targets: { a: { restart: ["sh", "-c", daemon] } } });
  const first = start("rollback", "--yes");
  await until(() => ticks().length > 3 && system.lines("daemon").length > 0, "the worker works");
  const before = Number(ticks()[0]);
  const lives = Number(system.lines("daemon")[0]);
  left.push(() => process.kill(lives, "SIGKILL"));
  first.process.kill("SIGKILL");
  await first.ended;
  expect(runs(before)).toBe(true);
  const resumed = start("resume");
  await until(() => ticks().some((pid) => Number(pid) !== before), "the second worker works");
  expect(runs(before)).toBe(false);
  const all = ticks().map(Number);
  expect(all.slice(all.findIndex((pid) => pid !== before))).not.toContain(before);
  expect(runs(lives)).toBe(true);
  go();
  expect((await resumed.ended).status).toBe(0);
  const reaped = (await system.facts()).find(({ type }) => type === "step.reaped");
  expect(reaped).toMatchObject({ step: "a.restart", ended: [{ pid: before }], left: [] });
  expect((await run("report")).stdout).toContain("ended what the former owner had left");
});

test("a program whose start nobody could write down any more is found by its mark", async () => {
  system = stepSystem(one);
  const { localOrphans } = await import("../../src/platform/orphans.js");
  const begin = (mark: string, ...argv: string[]) => {
    const env = { ...process.env, BACKOUT_STEP: "run-7/a.restart", BACKOUT_PROCESS: mark };
    const child = spawn(argv[0] ?? "", argv.slice(1), {
      cwd: system.folder,
      detached: true,
      stdio: "ignore",
      env,
    });
    left.push(() => child.kill("SIGKILL"));
    return child.pid ?? 0;
  };
  const unknown = begin("1.1", "sh", "-c", "setsid sh -c 'echo $$ > daemon; exec sleep 60' & exec sleep 60");
  const other = begin("1.2", "sleep", "60");
  await until(() => system.lines("daemon").length > 0, "the daemon runs");
  const daemon = Number(system.lines("daemon")[0]);
  left.push(() => process.kill(daemon, "SIGKILL"));
  const strangers = await localOrphans.end([{ key: "run-8/a.restart", known: [] }]);
  expect(strangers).toEqual([{ key: "run-8/a.restart", ended: [], left: [] }]);
  const [found] = await localOrphans.end([{ key: "run-7/a.restart", known: [] }]);
  expect(new Set(found?.ended.map(({ pid }) => pid))).toEqual(new Set([unknown, other]));
  expect([runs(daemon), found?.left]).toEqual([true, []]);
  const elsewhere = { pid: 4711, started: "x", host: "another-host" };
  const [far] = await localOrphans.end([{ key: "run-9/a", known: [{ process: elsewhere, mark: "1.1" }] }]);
  expect(far).toEqual({ key: "run-9/a", ended: [], left: [elsewhere] });
});

test("nothing moves before somebody whom the plan names has approved this very plan", async () => {
  const approval = { by: ["dba", "carol"], expires: "1m" };
  const more = { people: { roles: { dba: ["ann", me] } } };
  system = stepSystem({
    targets: { a: quick("a") },
    scenarios: { again: { restart: ["a"], approval } },
    more,
  });
  const waiting = start("rollback", "--yes");
  await waiting.said("executed by process");
  const other = await run("approve", "--digest", "sha256:0000");
  expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('not "sha256:0000"')]);
  expect(JSON.stringify(await system.status())).toContain(`dba (ann, ${me}) or carol`);
  expect(system.lines("done")).toEqual([]);
  const agreed = await run("approve", "--reason", "seen");
  expect([agreed.status, agreed.stdout]).toEqual([0, expect.stringContaining("approved as dba")]);
  expect((await waiting.ended).status).toBe(0);
  const [requested] = await system.facts();
  const fact = (await system.facts()).find(({ type }) => type === "run.approved");
  expect(fact).toMatchObject({ role: "dba", reason: "seen", planDigest: requested?.["planDigest"] });
  expect((await run("approve")).status).toBe(1);
});

test("who is not named may not approve; without an approval in time the run fails with nothing changed", async () => {
  const approval = { by: ["carol"], expires: "3s" };
  system = stepSystem({ targets: { a: quick("a") }, scenarios: { again: { restart: ["a"], approval } } });
  const waiting = start("rollback", "--yes");
  await waiting.said("executed by process");
  const denied = await run("approve");
  expect([denied.status, denied.stderr]).toEqual([
    1,
    expect.stringMatching(/may not approve it[^]*carol may/),
  ]);
  const ended = await waiting.ended;
  expect([ended.status, ended.stdout]).toEqual([
    1,
    expect.stringContaining("nobody has approved it within 3 s"),
  ]);
  expect(system.lines("done")).toEqual([]);
});

test("an approval that was given while nobody executed the run counts when it is resumed", async () => {
  const approval = { by: [me], expires: "1m" };
  system = stepSystem({ targets: { a: quick("a") }, scenarios: { again: { restart: ["a"], approval } } });
  const waiting = start("rollback", "--yes");
  await waiting.said("executed by process");
  waiting.process.kill("SIGKILL");
  await waiting.ended;
  const agreed = await run("approve");
  expect(agreed.stdout).toContain("as soon as somebody executes it");
  expect((await run("resume")).status).toBe(0);
  expect(system.lines("done")).toEqual(["a"]);
});

test("paused, what runs ends and nothing starts, also after a restart, until somebody continues", async () => {
  const targets = { a: waits, b: { ...quick("b"), uses: ["a"] } };
  system = stepSystem({ targets, scenarios: { again: { restart: ["a", "b"] } } });
  const first = start("rollback", "--yes");
  await until(() => ticks().length > 0, "a works");
  expect((await run("pause", "--reason", "wait for ann")).stdout).toContain("paused");
  go();
  await first.said("a.restart  done");
  first.process.kill("SIGKILL");
  await first.ended;
  const second = start("resume");
  await second.said("executed by process");
  await sleep(700);
  expect(system.lines("done")).toEqual(["a"]);
  expect(JSON.stringify(await system.status())).toContain("wait for ann");
  expect((await run("pause")).status).toBe(1);
  expect((await run("continue")).stdout).toContain("continued");
  expect((await second.ended).status).toBe(0);
  expect(system.lines("done")).toEqual(["a", "b"]);
  expect((await run("report")).stdout).toContain("paused by");
});

test("an escalation is said once, also over a restart, and late with how late", async () => {
  const escalate = [
    { after: "300ms", say: "still going on" },
    { after: "2s", say: "call the lead", to: "lead" },
  ];
  system = stepSystem({ ...one, scenarios: { again: { restart: ["a"], escalate } } });
  const first = start("rollback", "--yes");
  await first.said("still going on");
  first.process.kill("SIGKILL");
  await first.ended;
  await sleep(5_000);
  const second = start("resume");
  await second.said("call the lead");
  go();
  const ended = await second.ended;
  expect([ended.status, ended.stdout]).toEqual([0, expect.stringMatching(/escalated to lead \(\d.* late\)/)]);
  const fired = (await system.facts()).filter(({ type }) => type === "timer.fired");
  expect(fired.map(({ timer }) => timer)).toEqual([0, 1]);
  expect(Number(fired[0]?.["lateMs"])).toBeLessThan(1_500);
  expect(Number(fired[1]?.["lateMs"])).toBeGreaterThan(2_000);
});

test("the fallback that a stopped run names may be started, ends that run and says so; another scenario may not", async () => {
  const targets = { a: quick("a"), b: { restart: ["false"], uses: ["a"] } };
  const scenarios = {
    full: { restart: ["a", "b"], fallback: "part" },
    part: { restart: ["a"] },
    odd: { restart: ["a"] },
  };
  system = stepSystem({ targets, scenarios });
  const stopped = await run("rollback", "full", "--yes");
  expect([stopped.status, stopped.stdout]).toEqual([4, expect.stringContaining("backout rollback part")]);
  const odd = await run("rollback", "odd", "--yes");
  expect([odd.status, odd.stderr]).toEqual([1, expect.stringContaining("a second one would get in its way")]);
  expect((await run("rollback", "part", "--yes")).status).toBe(0);
  const [full, part] = await system.runs();
  expect([full?.["outcome"], part?.["outcome"]]).toEqual(["cancelled", "verified"]);
  expect(full?.["message"]).toContain(part?.["run"]);
});

test("asked for again: by the same request, or right after it was done, nothing is started", async () => {
  system = stepSystem({ targets: { a: quick("a") }, scenarios: { again: { restart: ["a"] } } });
  expect((await run("rollback", "--yes", "--request", "deploy 7")).status).toBe(0);
  const repeated = await run("rollback", "--yes", "--request", "deploy 7");
  expect([repeated.status, repeated.stderr]).toEqual([
    0,
    expect.stringContaining('by request "deploy 7" already'),
  ]);
  const soon = await run("rollback", "--yes");
  expect([soon.status, soon.stderr]).toEqual([0, expect.stringContaining("has just done this")]);
  expect(system.lines("done")).toEqual(["a"]);
  expect((await run("rollback", "--yes", "--again")).status).toBe(0);
  expect(system.lines("done")).toEqual(["a", "a"]);
  expect(await system.runs()).toHaveLength(2);
});

test("a repeated request tells the exit status of a run that stopped", async () => {
  const targets = { a: quick("a"), b: { restart: ["false"], uses: ["a"] } };
  system = stepSystem({ targets, scenarios: { full: { restart: ["a", "b"] } } });
  const both = [
    await run("rollback", "--yes", "--request", "x"),
    await run("rollback", "--yes", "--request", "x"),
  ];
  expect(both.map(({ status }) => status)).toEqual([4, 4]);
  expect(await system.runs()).toHaveLength(1);
});

test("fifty at once are one run, and forty-nine see its result", async () => {
  system = stepSystem({ targets: { a: quick("a") }, scenarios: { again: { restart: ["a"] } } });
  const all = await Promise.all(Array.from({ length: 50 }, () => run("rollback", "--yes")));
  const bad = all.filter(({ status }) => status !== 0);
  expect(bad.map(({ status, stderr }) => [status, stderr])).toEqual([]);
  expect(await system.runs()).toHaveLength(1);
  expect(system.lines("done")).toEqual(["a"]);
  const joined = all.filter(({ stderr }) =>
    /joined it|has just done this|was started meanwhile/.test(stderr),
  );
  const own = all.filter(({ stdout }) => /rolled back and verified/.test(stdout));
  expect([joined.length >= 40, own.length]).toEqual([true, 50]);
}, 120_000);

test("a run is taken from a process that hangs, which then neither writes nor starts anything", async () => {
  const targets = { a: waits, b: { ...quick("b"), uses: ["a"] } };
  system = stepSystem({ targets, scenarios: { again: { restart: ["a", "b"] } } });
  const zombie = start("rollback", "--yes");
  await atWork();
  const worker = Number(ticks()[0]);
  zombie.process.kill("SIGSTOP");
  left.push(() => zombie.process.kill("SIGCONT"));
  const taken = start("resume", "--take-over");
  await until(() => ticks().some((pid) => Number(pid) !== worker), "the new owner's worker works");
  expect(runs(worker)).toBe(false);
  const before = (await system.facts()).length;
  zombie.process.kill("SIGCONT");
  const ended = await zombie.ended;
  expect([ended.status, ended.stderr]).toEqual([5, expect.stringContaining("taken over")]);
  expect((await system.facts()).length).toBe(before);
  go();
  expect((await taken.ended).status).toBe(0);
  expect(system.lines("done")).toEqual(["a", "b"]);
  const owned = (await system.facts()).filter(({ type }) => type === "run.owned");
  expect(owned[1]).toMatchObject({ from: { owner: { pid: zombie.process.pid }, why: "told" } });
  expect((await run("history", "--verify")).status).toBe(0);
});

test("a lease that its holder let expire is taken without being told", async () => {
  system = stepSystem(one);
  const zombie = start("rollback", "--yes");
  await atWork();
  zombie.process.kill("SIGSTOP");
  left.push(() => zombie.process.kill("SIGCONT"));
  await sleep(15_500);
  const taken = start("resume");
  await taken.said("let its lease expire");
  zombie.process.kill("SIGCONT");
  expect((await zombie.ended).status).toBe(5);
  go();
  expect((await taken.ended).status).toBe(0);
  expect(system.lines("done")).toEqual(["a"]);
});

test("as much runs at once as the playbook says", async () => {
  const busy = "echo + >> busy; sleep 0.2; echo - >> busy";
  const names = ["a", "b", "c", "d"];
  const targets = Object.fromEntries(names.map((name) => [name, { restart: ["sh", "-c", busy] }]));
  system = stepSystem({ targets, scenarios: { again: { restart: names } }, more: { limits: { steps: 2 } } });
  expect((await run("rollback", "--yes")).status).toBe(0);
  let now = 0;
  const peak = Math.max(...system.lines("busy").map((sign) => (now += sign === "+" ? 1 : -1)));
  expect(peak).toBe(2);
});

test("onFailure: cancel ends the other running steps when one fails for good", async () => {
  const targets = { a: waits, b: { restart: ["sh", "-c", "sleep 0.5; exit 1"], idempotent: true } };
  system = stepSystem({ targets, scenarios: { again: { restart: ["a", "b"], onFailure: "cancel" } } });
  const ended = await run("rollback", "--yes");
  expect(ended.status).not.toBe(0);
  expect(ended.stdout).toContain("told to end: another step failed");
  expect(await types()).toContain("step.aborted");
  const worker = Number(ticks()[0]);
  expect(runs(worker)).toBe(false);
});

test("a journal whose last facts were removed is seen by verify, and nothing goes on with it", async () => {
  const targets = { a: quick("a"), b: { restart: ["false"], uses: ["a"] } };
  system = stepSystem({ targets, scenarios: { full: { restart: ["a", "b"] } } });
  expect((await run("rollback", "--yes")).status).toBe(4);
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const database = new DatabaseSync(join(system.folder, ".backout/journal.db"));
  database.exec("delete from facts where seq > 4");
  database.close();
  for (const command of [["history", "--verify"], ["resume"]]) {
    const ended = await run(...command);
    expect([ended.status, ended.stderr]).toEqual([
      1,
      expect.stringContaining("fact 5 is not as it was written"),
    ]);
  }
  expect(system.lines("done")).toEqual(["a"]);
});

/** Whether this user may mount, which a container often forbids. */
const mounts = spawnSync("unshare", ["--mount", "true"]).status === 0;
const mounted = (options: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "backout-disk-"));
  const made = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  left.push(() => {
    spawnSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  expect(made.status, String(made.stderr)).toBe(0);
  return folder;
};

test.runIf(mounts)(
  "a disk that fills up stops the run with exit status 4; with room again it goes on",
  async () => {
    const state = mounted("size=1m");
    const targets = {
      a: {
        restart: [
          "sh",
          "-c",
          `[ -e done ] || dd if=/dev/zero of=${state}/filler bs=4k 2>/dev/null; echo a >> done`,
        ],
      },
      b: { ...quick("b"), uses: ["a"] },
    };
    system = stepSystem({ targets, scenarios: { again: { restart: ["a", "b"] } }, more: { state } });
    const stopped = await run("rollback", "--yes");
    expect([stopped.status, stopped.stderr]).toEqual([4, expect.stringMatching(/disk is full[^]*make room/)]);
    expect(system.lines("done")).toEqual(["a"]);
    rmSync(join(state, "filler"));
    const resumed = await run("resume");
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(system.lines("done")).toEqual(["a", "a", "b"]);
    expect((await run("history", "--verify")).status).toBe(0);
  },
);

test.runIf(mounts)(
  "a disk that becomes read-only stops the run with exit status 4; mended, it goes on",
  async () => {
    const disk = mkdtempSync(join(tmpdir(), "backout-disk-"));
    const state = join(disk, "state");
    const must = (program: string, ...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
      expect(status, stderr).toBe(0);
      return stdout.trim();
    };
    left.push(() => rmSync(disk, { recursive: true, force: true }));
    must("truncate", "--size=8M", join(disk, "image"));
    must("mkfs.ext4", "-q", "-F", join(disk, "image"));
    const device = must("losetup", "--find", "--show", join(disk, "image"));
    left.unshift(() => {
      spawnSync("umount", ["--lazy", state]);
      spawnSync("losetup", ["--detach", device]);
    });
    const mount = (): string => must("mount", "-o", "errors=remount-ro", device, state);
    mkdirSync(state);
    mount();
    const fault = `/sys/fs/ext4/${device.split("/").at(-1)}/trigger_fs_error`;
    const targets = {
      a: { restart: ["sh", "-c", `[ -e done ] || echo test > ${fault}; echo a >> done`] },
      b: { ...quick("b"), uses: ["a"] },
    };
    system = stepSystem({ targets, scenarios: { again: { restart: ["a", "b"] } }, more: { state } });
    const stopped = await run("rollback", "--yes");
    expect([stopped.status, stopped.stderr]).toEqual([4, expect.stringMatching(/journal\.db: [^]*hint/)]);
    expect(system.lines("done")).toEqual(["a"]);
    expect((await run("resume")).status).toBe(1);
    must("umount", state);
    spawnSync("fsck.ext4", ["-fy", device]);
    mount();
    const resumed = await run("resume");
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(system.lines("done")).toEqual(["a", "a", "b"]);
    expect((await run("history", "--verify")).status).toBe(0);
  },
);
