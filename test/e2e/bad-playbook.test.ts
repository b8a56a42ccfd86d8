import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backout, type Ended, jsonLines, type Place, pictureOf } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;
let place: Place;
let good: string;
let before: Record<string, string>;

beforeAll(async () => {
  system = await smallSystem();
  place = { cwd: system.folder, environment: system.environment };
  good = system.read("backout.yaml");
  await backout(place, "checkpoint");
  before = pictureOf(system.folder, ["bad.yaml"]);
});

afterAll(() => system.remove());

const swap = (from: string, to: string) => (text: string) => {
  expect(text).toContain(from);
  return text.replace(from, to);
};

type Case = [what: string, make: (text: string) => string | Uint8Array, ...said: string[]];

const cases: Case[] = [
  ["an empty file", () => "", "bad.yaml:1:1", "the playbook is empty", "hint: backout init"],
  ["nothing but a comment", () => "# later\n", "no keys, only comments", "hint: backout init"],
  ["no YAML", () => "a: [1, 2\n b: }", "bad.yaml:1:8", "not valid YAML"],
  ["a text", () => "hello", "a playbook is a map of keys; this is a text", "hint: begin with: backout: 1"],
  [
    "Latin-1",
    () => Buffer.from("backout: 1\nsystem: sm\u00e4ll\n", "latin1"),
    "bad.yaml:2:11",
    "0xe4",
    "iconv",
  ],
  ["UTF-16", (text) => Buffer.from(`\ufeff${text}`, "utf16le"), "UTF-16", "iconv"],
  ["a tab", () => "backout: 1\nsystem: x\ntargets:\n\tcode: {}\n", "bad.yaml:4:1", "a tab", "expand"],
  ["a key twice", (text) => `${text}system: other\n`, 'the key "system" stands here twice, first on line 2'],
  ["an unknown key", swap("scenarios:", "scenarois:"), 'unknown key "scenarois"; did you mean "scenarios"?'],
  [
    "an unknown driver",
    swap("driver: sqlite", "driver: sqlight"),
    'unknown driver "sqlight"',
    "hint: drivers:",
  ],
  [
    "an unknown target",
    swap("[code, settings, data, work]", "[cod]"),
    'no target "cod"; did you mean "code"?',
  ],
  ["a circle", swap("  data:\n", "  data:\n    uses: [app]\n"), "data → app → data"],
  ["a target over itself", swap("  data:\n", "  data:\n    uses: [data]\n"), '"data" uses itself'],
  [
    "two targets over one file",
    swap("changes:", '  copy:\n    driver: sqlite\n    with: { file: "./data/../data/shop.db" }\nchanges:'),
    '"copy" and "data" are both over',
    "hint:",
  ],
  ["a variable that there is not", swap("file: .env", 'file: "${where}"'), "where", "hint:"],
  ["a variable without quotes", swap("file: .env", "file: ${where}"), "1 problem", "put quotes around it"],
  ["a condition that does not parse", swap("failing > 0.5", "failing >> 0.5"), '"failing >> 0.5"'],
  ["a condition over no signal", swap("failing > 0.5", "faling > 0.5"), 'did you mean "failing"?'],
  ["a rule over no trigger", swap("when: errors,", "when: erors,"), 'did you mean "errors"?'],
  ["a duration without a unit", swap("within: 2s", "within: 2"), "not a duration with a unit", '"2s"'],
  ["a later version", swap("backout: 1", "backout: 2"), "is of version 2", "hint: npm install"],
  ["no version", swap("backout: 1\n", ""), "the version of the format is missing", "hint: begin with"],
];

test.each(cases)("%s: refused with its place and the mend, nothing changed", async (_, make, ...said) => {
  writeFileSync(system.path("bad.yaml"), make(good));
  const ends: Ended[] = await Promise.all([
    backout(place, "check", "-f", "bad.yaml"),
    backout(place, "rollback", "full", "--yes", "-f", "bad.yaml"),
    backout(place, "checkpoint", "-f", "bad.yaml"),
  ]);
  for (const { status, stdout, stderr } of ends) {
    expect(status, `${stdout}${stderr}`).toBe(1);
    const text = `${stdout}${stderr}`.replace(/\s+/g, " ");
    for (const one of said.filter((part) => part !== "1 problem")) expect(text).toContain(one);
  }
  for (const one of said) expect(ends[0]?.stdout.replace(/\s+/g, " ")).toContain(one);
  const [json] = jsonLines((await backout(place, "check", "-f", "bad.yaml", "--json")).stdout);
  expect(json).toMatchObject({ ok: false });
  expect(pictureOf(system.folder, ["bad.yaml"])).toEqual(before);
});

test.each<[args: string, status: number, said: string, hint: string]>([
  ["plan nope", 1, 'there is no scenario "nope"', "known: full, code"],
  ["plan", 2, "which way back?", "backout plan full"],
  ["rollback --yes", 2, "which way back?", "backout plan full"],
  ["rollback full --change v3 --yes", 1, 'there is no change "v3"', "known: v2"],
  ["rollback full --checkpoint nope --yes", 1, 'there is no checkpoint "nope"', "backout checkpoints"],
  ["checkpoint --change v3", 1, 'there is no change "v3"', "known: v2"],
  ["watch --change v3 --until 1s", 1, 'there is no change "v3"', "known: v2"],
  ["watch --until 5", 2, '"5" is not a duration with a unit', "--until 30m"],
  ["report run-x", 1, 'run "run-x": there is no such run', "backout history"],
  ["history run-x", 1, 'run "run-x": there is no such run', "backout history"],
  ["prove --target nope", 1, "has no such part", "it has:"],
  ["versions nope", 1, 'there is no target "nope"', "known:"],
  ["checkpoints pin nope", 1, 'there is no checkpoint "nope"', "backout checkpoints"],
  ["status --env prod", 1, 'no environment "prod"', "leave -e out"],
  ["plan --file none.yaml", 1, "there is no such file", "--file"],
  ["plan --file data", 1, "it is a folder", "--file"],
  ["rolback", 2, "Did you mean rollback?", "--help"],
  ["plan --chekpoint x", 2, "Did you mean --checkpoint?", "--help"],
  ["init", 1, "there is a playbook already", "backout check"],
])(
  "backout %s: exit status %i, and what to type instead; nothing changed",
  async (args, status, said, hint) => {
    const ended = await backout(place, ...args.split(" "));
    const text = `${ended.stdout}${ended.stderr}`.replace(/\s+/g, " ");
    expect(ended.status, text).toBe(status);
    expect(text).toContain(said);
    expect(text).toContain(`hint: `);
    expect(text).toContain(hint);
    expect(pictureOf(system.folder, ["bad.yaml"])).toEqual(before);
  },
);

test("a rollback that nobody can be asked about does not begin", async () => {
  system.write("current-note", "a change\n");
  system.write(".env", "NAME=other\n");
  const changed = pictureOf(system.folder, ["bad.yaml"]);
  const { status, stderr } = await backout(place, "rollback", "full");
  expect(status).toBe(2);
  expect(stderr).toContain("hint: backout plan to look, backout rollback --yes to go");
  expect(pictureOf(system.folder, ["bad.yaml"])).toEqual(changed);
});

test("a missing variable is told with the target that needs it; a missing key spoils no proof", async () => {
  const without = (name: string): Place => ({
    cwd: system.folder,
    environment: { ...system.environment, [name]: undefined },
  });
  const refused = await backout(without("APP_TOKEN"), "checkpoint");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/^targets\.app\..*APP_TOKEN is not set/);
  const checked = await backout(without("BACKOUT_IDENTITY"), "check");
  expect(checked.stdout).toContain("warning: encryption.identity");
  const unmeasured = await backout(without("BACKOUT_IDENTITY"), "prove");
  expect(unmeasured.status).toBe(3);
  expect(unmeasured.stdout).toContain("? settings: could not be proven");
  expect(unmeasured.stdout).toContain("? data: could not be proven");
  expect((await backout(place, "plan", "full")).status).toBe(0);
});

test("a playbook of many targets is checked, and found from folders below and by a relative path", async () => {
  const many = Array.from(
    { length: 400 },
    (_, index) => `  t${index}: { driver: sqlite, with: { file: d${index}.db } }`,
  );
  writeFileSync(system.path("bad.yaml"), good.replace("changes:", `${many.join("\n")}\nchanges:`));
  const { status, stdout } = await backout(place, "check", "-f", "bad.yaml", "--offline");
  expect(status, stdout).toBe(0);
  const below: Place = { ...place, cwd: system.path("releases", "v1") };
  expect((await backout(below, "status")).stdout).toContain("small/default");
  expect((await backout(below, "status", "-f", "../../backout.yaml")).stdout).toContain("small/default");
  expect((await backout({ ...place, cwd: "/" }, "status")).stderr).toContain("there is no backout.yaml");
});
