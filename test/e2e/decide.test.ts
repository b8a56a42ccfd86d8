import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Ended, jsonLines, startBackout } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;

beforeEach(async () => {
  system = await smallSystem();
});

afterEach(() => system.remove());

const run = (...args: string[]): Promise<Ended> =>
  backout({ cwd: system.folder, environment: system.environment }, ...args);

/** Puts other decisions into the playbook. */
function decisions(text: string): void {
  const playbook = system.read("backout.yaml");
  system.write("backout.yaml", playbook.replace(/^decisions:[^]*/m, text));
}

const tree = `questions:
  damaged: { ask: Are rows damaged that were whole before? }
  feature: { ask: Which part does not work?, answers: [orders, search] }
decisions:
  - if: errors
    then:
      ask: damaged
      then: { scenario: full, mode: approve, class: critical, why: integrity over uptime }
      else:
        ask: feature
        answers:
          orders: { scenario: [full, code], mode: auto }
          search: { say: switch the search off }
    else: { say: nothing is wrong }
`;

test("M20 W11 decide reads the signals, asks the rest, and ends at a way back with its mode and why", async () => {
  decisions(tree);
  expect((await run("check")).stdout).toContain("no problem found");
  const healthy = await run("decide");
  expect(healthy.status, healthy.stdout + healthy.stderr).toBe(0);
  expect(healthy.stdout).toContain("GREEN small/default");
  expect(healthy.stdout).toContain("no rollback  nothing is wrong");

  system.answer(500);
  await run("checkpoint");
  const open = await run("decide");
  expect(open.status).toBe(3);
  // One reading says that it holds, not that it has held for as long as the trigger wants.
  expect(open.stdout).toContain('Does "errors" hold (failing > 0.5, for 0.3 s)?');
  expect(open.stdout).toContain("hint: backout decide --answer errors=yes|no");
  const asked = await run("decide", "--answer", "errors=yes", "--json");
  expect(asked.status).toBe(3);
  expect(jsonLines(asked.stdout)).toMatchObject([
    { verdict: "RED", question: { name: "damaged", answers: ["yes", "no"] } },
  ]);
  const decided = await run("decide", "--change", "v2", "--answer", "errors=yes", "--answer", "damaged=yes");
  expect(decided.status, decided.stderr).toBe(0);
  for (const text of [
    "way back  full",
    "mode      approve",
    "integrity over uptime",
    "2 min from the first bad sample (class critical)",
    "hint: backout plan full --change v2",
  ])
    expect(decided.stdout).toContain(text);
  expect(decided.stdout).toMatch(/yes +Are rows damaged that were whole before\? +by a person/);
});

test("W10 of two ways that would mend it decide takes the cheaper, and says why", async () => {
  decisions(tree);
  await run("checkpoint");
  const answers = ["errors=yes", "damaged=no", "feature=orders"].flatMap((one) => ["--answer", one]);
  system.write(
    "backout.yaml",
    system.read("backout.yaml").replace("  code: { restore", "  code: { strategy: code, restore"),
  );
  system.answer(500);
  const decided = await run("decide", ...answers, "--json");
  expect(jsonLines(decided.stdout)).toMatchObject([
    {
      recommendation: {
        scenario: "code",
        mode: "auto",
        because: '"code" (code) is the cheapest of code, full',
        held: [],
      },
    },
  ]);
});

test("what decide is told is checked before anything is decided by it", async () => {
  decisions(tree);
  for (const [answer, message] of [
    ["damagd=yes", '--answer: there is no question or trigger "damagd"'],
    ["damaged=maybe", '--answer damaged: "maybe" is none of yes, no'],
    ["damaged", '--answer: "damaged" is no name and answer'],
  ] as const) {
    const refused = await run("decide", "--answer", answer);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(message);
  }
  expect((await run("decide", "--change", "v9")).status).toBe(1);
});

test("without a checkpoint, auto becomes approve and says why; after a rollback, no change is out", async () => {
  decisions("decisions:\n  - { when: errors, scenario: full, mode: auto }\n");
  const held = async (): Promise<unknown[]> => {
    const { stdout, stderr } = await run("decide", "--answer", "errors=yes", "--json");
    const [found] = jsonLines(stdout);
    expect(found, stdout + stderr).toMatchObject({ recommendation: { asked: "auto" } });
    const made = (found ?? {})["recommendation"] as { mode: string; held: { guard: string }[] };
    return [made.mode, ...made.held.map(({ guard }) => guard)];
  };
  system.answer(500);
  expect(await held()).toEqual(["approve", "nothing-to-go-back-to"]);
  await run("checkpoint", "--change", "v2");
  expect(await held()).toEqual(["auto"]);
  system.deploy();
  system.answer(200);
  const rolled = await run("rollback", "full", "--yes", "--change", "v2");
  expect(rolled.status, rolled.stdout + rolled.stderr).toBe(0);
  system.answer(500);
  expect(await held()).toEqual(["approve", "second-trip", "no-change"]);

  // The same bad release again, with a checkpoint of it: a version that was left once is nowhere to go back to.
  system.deploy();
  expect((await run("checkpoint")).status).toBe(0);
  const playbook = system.read("backout.yaml");
  system.write("backout.yaml", `${playbook}watch: { cooldown: 1ms, perDay: 1 }\n`);
  expect(await held()).toEqual(["approve", "too-many", "known-bad"]);

  // And while a rollback runs, and after it has stopped half-way.
  system.write("slow-stop", "15000");
  system.write("fail-start", "");
  const rolling = startBackout(
    { cwd: system.folder, environment: system.environment },
    "rollback",
    "full",
    "--yes",
    "--accept-known-bad",
    "--checkpoint",
    await firstCheckpoint(),
  );
  await rolling.said("stop");
  expect((await held())[1]).toBe("running");
  expect((await rolling.ended).status).toBe(4);
  expect((await held())[1]).toBe("unfinished");
});

async function firstCheckpoint(): Promise<string> {
  const [listed] = jsonLines((await run("checkpoints", "--json")).stdout);
  const ids = JSON.stringify(listed).match(/cp-[0-9]{8}-[0-9]{6}-[a-z0-9]+/g) ?? [];
  return [...ids].sort()[0] ?? "";
}

test("the matrix decides like the rules that it stands for", async () => {
  decisions(`matrix:
  failing:
    warning: { above: 0.1, for: 10s, say: look at the logs }
    critical: { above: 0.5, for: 5s, scenario: full, mode: auto }
`);
  expect((await run("check")).status).toBe(0);
  await run("checkpoint");
  system.answer(500);
  const answers = ["errors=no", "failing_warning=yes"].flatMap((one) => ["--answer", one]);
  const warned = await run("decide", ...answers, "--answer", "failing_critical=no");
  expect(warned.stdout).toContain("no rollback  look at the logs");
  const critical = await run("decide", ...answers, "--answer", "failing_critical=yes");
  expect(critical.stdout).toContain("way back  full");
  expect(critical.stdout).toContain("failing is critical: failing > 0.5");
});
