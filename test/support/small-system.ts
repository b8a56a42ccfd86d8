import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type DatabaseSyncInstance } from "@photostructure/sqlite";
import { generateIdentity, identityToRecipient } from "age-encryption";

/** A real system in a folder of its own: releases, settings, a database, a work tree, a program, an HTTP server. */
export interface SmallSystem {
  readonly folder: string;
  /** None of these may be seen anywhere but where it belongs. */
  readonly secrets: { readonly setting: string; readonly variable: string; readonly identity: string };
  /** What every program of it must have in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  path(...parts: string[]): string;
  write(file: string, text: string): void;
  read(file: string): string;
  sql(text: string): void;
  /** Names of the items in the database. */
  items(): string[];
  git(...args: string[]): string;
  /** What the server answers to `/health`: 200 unless told otherwise. */
  answer(status: number): void;
  /** A bad release: link, setting, rows and a commit go forward. */
  deploy(): void;
  remove(): Promise<void>;
}

/** `stop`, `start` and `restart`; waits or fails where a file says so. */
const control = `import { appendFileSync, existsSync, readFileSync } from "node:fs";
const [what] = process.argv.slice(2);
appendFileSync("app.log", what + "\\n");
if (!process.env.APP_TOKEN) throw new Error("APP_TOKEN is missing");
const wait = "slow-" + what;
if (existsSync(wait)) await new Promise((done) => setTimeout(done, Number(readFileSync(wait, "utf8"))));
if (existsSync("fail-" + what)) {
  console.error("cannot " + what + " with token " + process.env.APP_TOKEN);
  process.exit(1);
}
`;

const program = (what: string): string =>
  `{ run: [node, ctl.mjs, ${what}], env: { APP_TOKEN: "\${env:APP_TOKEN}" }, timeout: 20s }`;

export const smallPlaybook = (port: number, recipient: string): string => `backout: 1
system: small
objectives: { rto: 1m, rpo: 1h }
encryption:
  recipients: [${recipient}]
  identity: \${env:BACKOUT_IDENTITY}
targets:
  code:
    driver: release-dir
    with: { releases: releases, current: current }
  settings:
    driver: env-file
    with: { file: .env }
  data:
    driver: sqlite
    with: { file: data/shop.db }
  work:
    driver: git
    with: { path: site }
  app:
    driver: command
    uses: [code, settings, data]
    with:
      stop: ${program("stop")}
      start: ${program("start")}
      idempotent: true
changes:
  v2:
    risk: high
    promised: 1m
    targets: [code, settings, data]
scenarios:
  full: { restore: [code, settings, data, work], restart: [app] }
  code: { restore: [code], restart: [app] }
checks:
  health:
    driver: http
    with: { url: "http://127.0.0.1:${port}/health" }
    within: 2s
signals:
  failing:
    driver: http
    with: { url: "http://127.0.0.1:${port}/health", value: failure-ratio, probes: 2 }
    every: 200ms
    timeout: 1s
triggers:
  errors: { when: failing > 0.5, for: 300ms, level: RED }
decisions:
  - { when: errors, scenario: full, mode: auto }
`;

export async function smallSystem(): Promise<SmallSystem> {
  const folder = mkdtempSync(join(tmpdir(), "small-system-"));
  const identity = await generateIdentity();
  const secrets = { setting: "s3tting-Kx91-value", variable: "tok3n-Pq77-value", identity };
  let status = 200;
  const server = createServer((_, response) => {
    response.writeHead(status).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const path = (...parts: string[]): string => join(folder, ...parts);
  const write = (file: string, text: string): void => {
    mkdirSync(join(path(file), ".."), { recursive: true });
    writeFileSync(path(file), text);
  };
  const database = <Result>(work: (open: DatabaseSyncInstance) => Result): Result => {
    const open = new DatabaseSync(path("data", "shop.db"));
    try {
      return work(open);
    } finally {
      open.close();
    }
  };
  const sql = (text: string): void => database((open) => open.exec(text));
  const git = (...args: string[]): string =>
    execFileSync(
      "git",
      ["-C", path("site"), "-c", "user.name=t", "-c", "user.email=t@example.org", ...args],
      {
        encoding: "utf8",
      },
    );
  const link = (release: string): void => {
    try {
      unlinkSync(path("current"));
    } catch {
      // The first time there is none.
    }
    symlinkSync(`releases/${release}`, path("current"));
  };

  for (const release of ["v1", "v2"]) write(`releases/${release}/server.txt`, `code of ${release}\n`);
  link("v1");
  write(".env", `NAME=small\nAPI_KEY=${secrets.setting}\n`);
  chmodSync(path(".env"), 0o600);
  write("ctl.mjs", control);
  mkdirSync(path("data"));
  sql(
    "create table items (id integer primary key, name text); insert into items (name) values ('one'), ('two')",
  );
  write("site/index.html", "one\n");
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "first");
  write("backout.yaml", smallPlaybook(port, await identityToRecipient(identity)));

  return {
    folder,
    secrets,
    environment: { APP_TOKEN: secrets.variable, BACKOUT_IDENTITY: identity },
    path,
    write,
    sql,
    git,
    read: (file) => readFileSync(path(file), "utf8"),
    items: () =>
      database((open) =>
        open
          .prepare("select name from items order by id")
          .all()
          .map((row) => String((row as { name: unknown }).name)),
      ),
    answer: (next) => {
      status = next;
    },
    deploy: () => {
      link("v2");
      write(".env", `NAME=small\nAPI_KEY=${secrets.setting}-2\nEXTRA=1\n`);
      sql(
        "insert into items (name) values ('three'); drop table if exists other; create table other (id integer)",
      );
      write("site/index.html", "two\n");
      git("commit", "-q", "--allow-empty", "-am", "second");
    },
    remove: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
