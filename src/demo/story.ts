import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../core/report/report-types.js";
import { failed, type Load, startLoad } from "./load.js";
import { count, type Narrator } from "./narrate.js";
import { type Outcome, outcomeFigures } from "./outcome.js";
import type { Scope } from "./scope.js";
import { type Shell, shell } from "./shell.js";
import { rowsMissing, seeded } from "./shop-database.js";
import { buildSystem, type System, startSystem, writePlaybook } from "./system.js";

/** Built, the demo lies beside backout itself. */
const program = fileURLToPath(new URL("backout.js", import.meta.url));
const example = fileURLToPath(new URL("../examples/demo-app", import.meta.url));
/** How long customers go on after the rollback, to see that no request fails. */
const afterMs = 1_500;

export interface Result extends Outcome {
  /** All that is promised. */
  readonly holds: boolean;
}

/** Tells the whole story once. What it shows is what happens: nothing is replayed. */
export async function runDemo(scope: Scope, narrator: Narrator, reportFolder?: string): Promise<Result> {
  narrator.title("A shop, a bad release, and the way back");
  const { system, commands } = await open(scope, narrator);
  const load = startLoad(system.port);
  try {
    await prepare(commands, narrator);
    await breakAndRollBack(commands, narrator);
    const report = JSON.parse(await commands.read("backout", "report", "--json")) as Report;
    await sleep(afterMs);
    const folder = await keepReport(commands, narrator, reportFolder);
    await load.stop();
    const outcome = judge({ report, load, system, folder });
    const figures = outcomeFigures(outcome);
    const holds = figures.every((figure) => figure.holds);
    narrator.chapter("What it came to");
    narrator.figures(figures);
    narrator.say("");
    narrator.say(`Report: ${outcome.report}`);
    narrator.end(holds, holds ? "All that was promised held." : "Not all that was promised held.");
    return { ...outcome, holds };
  } finally {
    await load.stop();
  }
}

async function open(scope: Scope, narrator: Narrator): Promise<{ system: System; commands: Shell }> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  const system = await startSystem(scope, buildSystem(example, scope.root));
  writePlaybook(scope.root, { port: system.port, recipient: await identityToRecipient(identity) });
  const commands = shell({ scope, narrator, program, secrets: { SHOP_IDENTITY: identity } });
  await commands.read("node", "appctl.mjs", "start");
  const { customers, orders } = seeded;
  narrator.say(`${scope.root}, with its playbook backout.yaml; it is removed at the end`);
  narrator.say(`3 workers behind http://127.0.0.1:${system.port}, 80 requests a second, each remembered`);
  narrator.say(
    `SQLite with ${count(orders)} orders of ${count(customers)} customers; settings in .env; release v1`,
  );
  return { system, commands };
}

async function prepare(commands: Shell, narrator: Narrator): Promise<void> {
  narrator.chapter("Before the change: is the way back there?");
  await commands.run("backout", "check");
  await commands.run("backout", "checkpoint", "--change", "v2");
}

async function breakAndRollBack(commands: Shell, narrator: Narrator): Promise<void> {
  narrator.chapter("Release v2 goes out, and it is bad");
  const watch = await commands.begin("backout", "watch", "--change", "v2");
  await watch.prints("GREEN");
  await commands.run("node", "deploy.mjs", "v2");
  const status = await watch.ended;
  if (status !== 0) throw new Error(`backout watch: ended with exit status ${status}`);
}

async function keepReport(commands: Shell, narrator: Narrator, folder?: string): Promise<string> {
  const kept = folder === undefined ? mkdtempSync(join(tmpdir(), "backout-report-")) : resolve(folder);
  mkdirSync(kept, { recursive: true });
  narrator.chapter("What happened, for whoever asks tomorrow");
  await commands.run("backout", "history");
  await commands.read("backout", "report", "--json", "--output", join(kept, "report.json"));
  await commands.run("backout", "report", "--output", join(kept, "report.md"));
  return kept;
}

interface Evidence {
  readonly report: Report;
  readonly load: Load;
  readonly system: System;
  readonly folder: string;
}

/** Backout's own figures beside what the customers saw. */
function judge({ report, load, system, folder }: Evidence): Outcome {
  const { answers, acknowledged } = load;
  const failures = answers.filter(failed);
  const ended = report.endedAt ?? Number.POSITIVE_INFINITY;
  const after = answers.filter(({ at }) => at >= ended);
  const firstFailure = Math.min(...failures.map(({ at }) => at));
  return {
    outcome: report.outcome ?? "unfinished",
    detectionMs: (report.requested?.at ?? Number.NaN) - firstFailure,
    rollbackMs: report.durationMs ?? Number.NaN,
    promisedMs: report.plan.promisedMs ?? Number.NaN,
    requests: {
      all: answers.length,
      failed: failures.length,
      after: after.length,
      failedAfter: after.filter(failed).length,
    },
    rows: {
      lost: rowsMissing(system.database, acknowledged),
      announced: report.dataLost.reduce((sum, { inserted = 0 }) => sum + inserted, 0),
      unknown: load.unanswered.reduce((sum, { items }) => sum + 1 + items, 0),
    },
    report: join(folder, "report.md"),
  };
}
