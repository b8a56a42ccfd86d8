// Run by build.mjs in a process and an empty folder of its own: makes a small system there, does with it what is done in
// an emergency, and keeps what V8 has compiled of each pack by then.
// node compile-program.mjs <early pack> <later pack> <compiled early> <compiled later>
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { readPack, runProgram } from "../src/cli/load-program.ts";
import { letYoungGenerationGrow } from "../src/cli/young-generation.ts";

const [early, later, earlyCompiled, laterCompiled] = process.argv.slice(2);

const playbook = (recipient) => `
backout: 1
system: warm-up
variables: { root: . }
objectives: { rto: 5m, rpo: 1h }
encryption: { recipients: [${recipient}], identity: "\${env:WARM_UP_IDENTITY}" }
targets:
  release: { driver: release-dir, with: { releases: releases, current: current } }
  settings: { driver: env-file, with: { file: "\${root}/.env" } }
  db: { driver: sqlite, with: { file: app.db } }
  app:
    driver: command
    uses: [release, settings, db]
    with: { stop: { run: ["true"] }, start: { run: ["true"] }, restart: { run: ["true"] }, idempotent: true }
changes: { v2: { risk: high, promised: 1m, targets: [release, settings, db] } }
scenarios:
  full: { strategy: restore, restore: [release, settings, db], restart: [app], checks: [works] }
checks:
  up: { driver: http, with: { url: "http://127.0.0.1:1/" } }
  works: { driver: command, with: { program: { run: ["true"] } } }
signals: { load: { driver: command, with: { program: { run: [echo, "1"] } }, every: 5s } }
triggers: { high: { when: load > 5.0 && load < 100.0, for: 1m, level: RED } }
decisions: [{ when: high, scenario: full, mode: advise }]
`;

function change(sql) {
  const database = new DatabaseSync("app.db");
  database.exec(sql);
  database.close();
}

const identity = await generateX25519Identity();
process.env.WARM_UP_IDENTITY = identity;
writeFileSync("backout.yaml", playbook(await identityToRecipient(identity)));
for (const version of ["v1", "v2"]) {
  mkdirSync(join("releases", version), { recursive: true });
  writeFileSync(join("releases", version, "version"), version);
}
symlinkSync(join("releases", "v1"), "current");
writeFileSync(".env", "A=1\n");
change(
  "CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL); INSERT INTO orders VALUES (1, 2.5), (2, 3.5)",
);

const scripts = new Map();
const require = createRequire(import.meta.url);
const exit = process.exit;
/** The same scripts each time: what they compile late is kept with them. */
const read = (pack) => scripts.get(pack) ?? scripts.set(pack, readPack(pack)).get(pack);
const run = async (...args) => {
  process.argv = [process.execPath, early, ...args];
  await new Promise((ended) => {
    process.exit = ended;
    runProgram({ early, later }, require, read);
  });
  if (process.exitCode) throw new Error(`backout ${args.join(" ")}: exit status ${process.exitCode}`);
};
await run("checkpoint", "--change", "v2");
rmSync("current");
symlinkSync(join("releases", "v2"), "current");
writeFileSync(".env", "A=2\n");
change("UPDATE orders SET total = 4 WHERE id = 1");
await run("check");
await run("plan", "full", "--change", "v2");
// As in a process that has just begun: `check` has changed it for itself.
letYoungGenerationGrow();
writeFileSync(earlyCompiled, scripts.get(early).createCachedData());
await run("--help");
await run("rollback", "full", "--change", "v2", "--yes");
await run("status");
process.exit = exit;
writeFileSync(laterCompiled, scripts.get(later).createCachedData());
