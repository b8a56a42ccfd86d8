import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import type { Playbook, TargetDefinition } from "../../../src/core/playbook/playbook.js";

/** A system in a folder: every kind of effect, and whatever can be counted is counted. */

const mark = `sleep 0.005; echo "$BACKOUT_NAME.$BACKOUT_OPERATION" >> programs.log; sleep 0.005`;
const slowMark = `sleep 0.3; ${mark}`;
const sawMark = `grep -qsx "$BACKOUT_NAME.$BACKOUT_OPERATION" programs.log || exit 10`;

const program = (script: string): TargetDefinition["with"][string] => ["sh", script];
const settle = program("saw-mark.sh");

/** A program that leaves its mark, and whoever may be asked whether it has. */
const job = (name: string, more: TargetDefinition["with"], uses: string[] = []): TargetDefinition => ({
  driver: "command",
  with: { restore: program("mark.sh"), verify: ["grep", "-qx", `${name}.restore`, "programs.log"], ...more },
  uses,
});

const counted = (way: string, place: string, steps: number, chained: boolean): TargetDefinition => ({
  driver: "counted",
  with: { way, place, steps, chained },
  uses: [],
});

/** The one whose program nobody can ask about: after a crash a person is asked. */
export const unaskable = "mail.restore";

function playbookOf(folder: string, url: string): Playbook {
  const targets: Record<string, TargetDefinition> = {
    release: { driver: "release-dir", with: { releases: "releases", current: "current" }, uses: [] },
    settings: {
      driver: "env-file",
      with: { file: "app.env", capture: "reference", reference: "team.env" },
      uses: [],
    },
    db: { driver: "sqlite", with: { file: "shop.db" }, uses: [] },
    workers: {
      driver: "command",
      with: { stop: program("mark.sh"), start: program("mark.sh"), settle },
      uses: ["db", "release"],
    },
    lines: counted("line", join(folder, "lines.log"), 3, true),
    numbers: counted("number", join(folder, "number"), 2, false),
    rows: counted("row", join(folder, "effects.db"), 4, true),
    requests: counted("request", url, 4, false),
    index: job("index", { settle }, ["rows"]),
    cache: job("cache", { settle }, ["lines"]),
    search: job("search", { settle }),
    slow: job("slow", { settle, restore: program("slow-mark.sh") }),
    mail: job("mail", {}),
  };
  const restore = Object.keys(targets).filter((name) => name !== "workers");
  return {
    system: "shop",
    environment: "test",
    environments: ["test"],
    state: ".backout",
    objectives: {},
    proofs: { expire: 3_600_000 },
    retention: { keep: 1 },
    targets,
    changes: {},
    scenarios: { back: { strategy: "restore", restore, restart: ["workers"], checks: ["health"] } },
    checks: { health: { driver: "http", with: { url: `${url}/health` }, within: 2_000, stable: 0 } },
    signals: {},
    triggers: {},
    decisions: [],
    watch: { cooldown: 0, mute: 0 },
  };
}

/** As it was when all was well. The folder must be free; `url` is where its requests are counted. */
export function makeSystem(folder: string, url: string): void {
  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
  for (const name of ["v1", "v2"]) {
    mkdirSync(join(folder, "releases", name), { recursive: true });
    write(`releases/${name}/app.js`, `// ${name}\n`);
  }
  symlinkSync("releases/v1", join(folder, "current"));
  write("app.env", "WORKERS=2\n");
  write("team.env", "WORKERS=2\n");
  write("mark.sh", mark);
  write("slow-mark.sh", slowMark);
  write("saw-mark.sh", sawMark);
  write("playbook.json", JSON.stringify(playbookOf(folder, url)));
  sql(
    folder,
    "create table items (id integer primary key, name text); insert into items (name) values ('one'), ('two')",
  );
}

/** The same system elsewhere, with a state folder of the same content. */
export function copySystem(from: string, to: string, url: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(to, "playbook.json"), JSON.stringify(playbookOf(to, url)));
}

/** What is to be rolled back. */
export function breakSystem(folder: string): void {
  rmSync(join(folder, "current"));
  symlinkSync("releases/v2", join(folder, "current"));
  writeFileSync(join(folder, "app.env"), "WORKERS=20\nDEBUG=1\n");
  sql(folder, "insert into items (name) values ('three'); update items set name = 'won' where id = 1");
}

function sql(folder: string, text: string): void {
  const database = new DatabaseSync(join(folder, "shop.db"));
  database.exec(text);
  database.close();
}

/** What came back, and how often each effect that can be counted has happened. */
export function lookAt(folder: string, requests: ReadonlyMap<string, number>) {
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const numbers = readdirSync(folder).filter((name) => name.startsWith("number."));
  return {
    current: readlinkSync(join(folder, "current")),
    settings: read("app.env"),
    items: rowsOf(join(folder, "shop.db"), "select id, name from items order by id"),
    effects: {
      ...tally(read("lines.log").trim().split("\n"), "lines."),
      ...tally(read("programs.log").trim().split("\n"), ""),
      ...tally(rowsOf(join(folder, "effects.db"), "select step from effects").map(String), "rows."),
      ...Object.fromEntries(numbers.map((name) => [`numbers.${name.slice(7)}`, Number(read(name))])),
      ...Object.fromEntries([...requests].map(([name, count]) => [`requests.${name}`, count])),
    },
  };
}

/** How often a program has left its mark. */
export function marksOf(folder: string, step: string): number {
  const path = join(folder, "programs.log");
  return readFileSync(path, { encoding: "utf8", flag: "a+" })
    .split("\n")
    .filter((line) => line === step).length;
}

function rowsOf(path: string, query: string): unknown[] {
  const database = new DatabaseSync(path);
  try {
    return database
      .prepare(query)
      .all()
      .map((row) => Object.values(row as object).join(" "));
  } finally {
    database.close();
  }
}

function tally(names: readonly string[], prefix: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[prefix + name] = (counts[prefix + name] ?? 0) + 1;
  return counts;
}
