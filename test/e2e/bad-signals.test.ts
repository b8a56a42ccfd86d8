import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import type { SourceHealth } from "../../src/core/signal/source-health.js";
import type { TriggerStatus } from "../../src/core/signal/trigger-state.js";
import { jsonLines } from "../support/backout-process.js";
import { rewrite, terminated, test } from "../support/system-test.js";

interface Event {
  readonly type: string;
  readonly text: string;
  readonly triggers?: readonly TriggerStatus[];
  readonly sourceHealth?: readonly SourceHealth[];
  readonly recommendation?: { readonly mode: string };
}

/** A source that is bad in every way, one a path; its other paths answer one number after the other, the last for ever. */
async function badSource(series: Readonly<Record<string, readonly number[]>>): Promise<Server> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const turn = asked.get(path) ?? 0;
    asked.set(path, turn + 1);
    const values = series[path.slice(1)];
    const number = values?.[Math.min(turn, values.length - 1)];
    if (number !== undefined) response.end(JSON.stringify({ n: number }));
    else if (path === "/flaps") response.writeHead(turn % 2 === 0 ? 200 : 503).end('{"n":0}');
    else if (path === "/garbage") response.end("<html>it works</html>");
    else if (path === "/text") response.end('{"n":"NaN"}');
    else if (path === "/nothing") response.end("{}");
    else if (path === "/cut") {
      response.writeHead(200, { "content-length": "100" }).write('{"n":');
      response.destroy();
    }
    // "/hangs" never answers.
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return server;
}

/** Long: a busy machine must not look like a source that hangs. */
const every = "every: 200ms, timeout: 40s";
const from = (url: string, more = ""): string =>
  `{ driver: http, with: { url: "${url}", value: { json: /n }, timeout: 30s }, ${every}${more} }`;

test("a source that is down, hangs, flaps or answers nonsense is could not measure with its reason: never GREEN, never a rollback", async ({
  system,
  program,
}) => {
  const server = await badSource({
    negative: [-5],
    beyond: [400],
    counter_negative: [-1],
    counter_reset: [90, 95, 3, 5],
  });
  const at = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`;
  const signals: Record<string, string> = {
    down: from("http://127.0.0.1:1/"),
    hangs: from(at("hangs")).replace("30s", "1s").replace("40s", "2s"),
    garbage: from(at("garbage")),
    text: from(at("text")),
    nothing: from(at("nothing")),
    cut: from(at("cut")),
    flaps: from(at("flaps")),
    negative: from(at("negative"), ", min: 0"),
    beyond: from(at("beyond"), ", max: 100"),
    no_tool: `{ driver: command, with: { program: [no-such-tool] }, ${every} }`,
    not_a_number: `{ driver: command, with: { program: [echo, NaN] }, ${every} }`,
    counter_negative: from(at("counter_negative")),
    counter_reset: from(at("counter_reset")),
  };
  const conditions: Record<string, string> = {
    counter_negative: 'increase(counter_negative, "1h") > 50',
    counter_reset: 'increase(counter_reset, "1h") > 50',
  };
  const names = Object.keys(signals);
  const text = system.read("backout.yaml").replace(/^signals:\n[^]*/m, "");
  const lines = (of: (name: string) => string): string => names.map((name) => `  ${of(name)}\n`).join("");
  const playbook = [
    text,
    `signals:\n${lines((name) => `${name}: ${signals[name]}`)}`,
    `triggers:\n${lines((name) => `${name}_bad: { when: '${conditions[name] ?? `${name} > 0`}', for: 0s, level: RED }`)}`,
    'decisions:\n  - { when: verdict == "RED", scenario: full, mode: auto }\n',
  ];
  system.write("backout.yaml", playbook.join(""));
  try {
    await program.done("checkpoint");
    system.deploy();
    const ended = await program.run("watch", "--until", "8s", "--json");
    expect(ended.status, ended.stdout.slice(-3_000) + ended.stderr).toBe(3);
    const events = jsonLines(ended.stdout) as unknown as Event[];
    const said = (trigger: string): string =>
      [
        ...new Set(
          events
            .flatMap(({ triggers = [] }) => triggers)
            .filter((one) => one.trigger === `${trigger}_bad`)
            .map(({ noData = "" }) => noData.replace(/ \(left alone .*/, "")),
        ),
      ].join("\n");
    const reasons = Object.fromEntries(names.map((name) => [name, said(name)]));
    expect(reasons).toEqual({
      down: expect.stringMatching(/refused/),
      hangs: expect.stringMatching(/"hangs" could not be measured: http.*: no complete answer within/),
      garbage: expect.stringMatching(/the body is no JSON: "<html>/),
      text: expect.stringMatching(/NaN/),
      nothing: expect.stringMatching(/nothing|\/n/),
      cut: expect.stringMatching(/could not be measured: http/),
      flaps: expect.stringMatching(/503/),
      negative: expect.stringMatching(/"-5" is below 0/),
      beyond: expect.stringMatching(/"400" is above 100/),
      no_tool: expect.stringMatching(/no-such-tool/),
      not_a_number: expect.stringMatching(/the output "NaN" is not a number/),
      counter_negative: expect.stringMatching(/what counts is never negative/),
      counter_reset: expect.not.stringMatching(/could not be measured/),
    });
    const hints = new Map(
      events
        .flatMap(({ triggers = [] }) => triggers.flatMap(({ samples }) => samples))
        .map(({ signal, hint }) => [signal, hint]),
    );
    expect(hints.get("beyond")).toMatch(/`min` and `max` of the signal say what can be/);
    for (const name of names.filter((one) => !one.startsWith("counter_") && one !== "flaps"))
      expect(hints.get(name), `what may help against "${name}"`).toMatch(/\w/);
    const states = events.flatMap(({ triggers = [] }) => triggers.map(({ state }) => state));
    expect(states).not.toContain("firing");
    expect(events.flatMap(({ recommendation }) => recommendation ?? [])).toEqual([]);
    const health = new Map(events.at(-1)?.sourceHealth?.map((one) => [one.source, one.state]));
    expect(Object.fromEntries(health)).toMatchObject({
      down: "failing",
      hangs: "failing",
      garbage: "failing",
      flaps: "flapping",
      counter_reset: "ok",
    });
    expect(events.map(({ type, text: words }) => `${type} ${words}`)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^watch\.source flaps: its source comes and goes: /)]),
    );
    expect(await program.runs()).toBe(0);
    expect(system.items()).toEqual(["one", "two", "three"]);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

test("a source that answers late is slow, which is said, and what it says counts", async ({
  system,
  program,
}) => {
  const server = createServer((_, response) => {
    setTimeout(() => response.end('{"n":1}'), delay);
  });
  let delay = 6_000;
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const late = `late: { driver: http, with: { url: "${url}", value: { json: /n }, timeout: 9s }, every: 200ms, timeout: 10s, stale: 2m }`;
  rewrite(system, "signals:\n", `signals:\n  ${late}\n`);
  rewrite(system, "triggers:\n", "triggers:\n  late_bad: { when: late > 0.5, for: 0s, level: YELLOW }\n");
  try {
    const watch = program.start("watch", "--json");
    await watch.said("late: its source is slow, ");
    delay = 0;
    await watch.said("late: its source is quick again");
    const { stdout } = await terminated(watch);
    const events = jsonLines(stdout) as unknown as Event[];
    const slow = events.find(({ type }) => type === "watch.source");
    expect(slow?.sourceHealth).toContainEqual(
      expect.objectContaining({ source: "late", state: "slow", failures: 0 }),
    );
    expect(slow?.triggers).toContainEqual(expect.objectContaining({ trigger: "late_bad", state: "firing" }));
    expect(slow?.text).not.toContain("could not be measured");
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

test("an expression that is expensive or might never end is refused before anything is watched", async ({
  system,
  program,
}) => {
  for (const [when, fact] of [
    [
      "[1.0,2.0].exists(a, [1.0,2.0].exists(b, a * b > failing))",
      '"exists" within "exists" multiplies the work',
    ],
    ['string(failing).matches("(a+)+$")', "a regular expression may take for ever"],
    [`failing > ${"(".repeat(300)}0.5${")".repeat(300)}`, "triggers.errors.when"],
    [`failing > 0.5${" || failing > 0.5".repeat(2_000)}`, "triggers.errors.when"],
  ] as const) {
    const before = system.read("backout.yaml");
    system.write("backout.yaml", before.replace("when: failing > 0.5", `when: '${when}'`));
    const ended = await program.run("watch", "--until", "1s");
    expect(ended.status, when.slice(0, 60)).toBe(1);
    expect((ended.stdout + ended.stderr).replace(/\s+/g, " ")).toContain(fact);
    system.write("backout.yaml", before);
  }
});

test.runIf(process.getuid?.() === 0)(
  "a full disk under the state is said, judging goes on, no rollback begins that could not be recorded, and it goes on when there is room",
  async ({ system, program }) => {
    const state = system.path(".backout");
    mkdirSync(state);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", state]);
    try {
      await program.done("checkpoint");
      system.deploy();
      const watch = program.start("watch", "--service");
      await watch.said("GREEN");
      const filler = system.path(".backout", "filler");
      fill(filler);
      await watch.said("a restart would begin anew");
      system.answer(500);
      await watch.said("could not be started");
      expect(system.items()).toEqual(["one", "two", "three"]);
      rmSync(filler);
      await watch.said("is written again");
      const ended = await terminated(watch);
      expect(ended.stdout).toMatch(/watch-default\.json: .*(no space|full)/i);
      expect(ended.stdout).toMatch(/verdict +RED/);
    } finally {
      execFileSync("umount", ["-l", state]);
    }
  },
);

/** Until not one byte more fits. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // A smaller piece may still fit.
      }
    }
  } finally {
    closeSync(file);
  }
}
