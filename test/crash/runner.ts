import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fact } from "../../src/core/run/fact.js";
import { executeRun } from "../../src/engine/execute-run.js";
import type { StepCall } from "../../src/engine/perform-step.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import { openJournal } from "../../src/storage/journal.js";
import { performing, planOf, requestRun, settled, step, succeeded, takeLease } from "../support/made-runs.js";

/**
 * A process that begins or resumes the run of its folder, and kills itself after so many facts (0: never). An effect
 * appends the step's name to a file, somewhere in the middle of its time; `settle` looks into the file.
 */
const [folder = "", dieAfter = "0"] = process.argv.slice(2);
const file = join(folder, "effects");

const steps = [
  step("fence.close", { phase: "fence" }),
  step("db.stage", { awaits: ["fence"] }),
  step("app.stop", { phase: "quiesce", needs: ["db.stage"], awaits: ["fence"] }),
  step("db.swap", { needs: ["db.stage", "app.stop"], awaits: ["fence"] }),
  step("files.copy", { awaits: ["fence"], retries: 2 }),
  step("files.link", { needs: ["files.copy"], awaits: ["fence"] }),
  step("cache.clear", { awaits: ["fence"], onFailure: "continue" }),
  step("env.write", { awaits: ["fence"] }),
  step("app.start", { phase: "resume", needs: ["db.swap", "env.write", "files.link"], awaits: ["fence"] }),
  step("front.start", { phase: "resume", needs: ["app.start"], awaits: ["fence"] }),
  step("check.health", {
    kind: "check",
    phase: "check",
    awaits: ["quiesce", "restore", "resume"],
    onFailure: "continue",
  }),
  step("fence.open", { phase: "unfence", awaits: ["check"] }),
];

async function effect(call: StepCall) {
  await clock.sleep(3);
  if (call.step.kind === "apply") appendFileSync(file, `${call.step.id}\n`);
  await clock.sleep(3);
  return succeeded(call);
}

const happened = (id: string): boolean => readEffects().includes(id);

function readEffects(): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

let written = 0;
function onFact(_fact: Fact): void {
  if (++written === Number(dieAfter)) process.kill(process.pid, "SIGKILL");
}

const journal = await openJournal(folder);
const [known] = await journal.runIds("shop", "live");
const begun = known === undefined ? await requestRun(journal, planOf(steps), clock.now()) : undefined;
const run = begun?.run ?? (await journal.run(known ?? ""));
const lease = begun?.lease ?? (await takeLease(journal, run, clock.now()));
const performer = performing(Object.fromEntries(steps.map(({ id }) => [id, effect])), async (call) =>
  settled(call, happened(call.step.id) ? "applied" : "not-applied"),
);
console.log("begins");
const state = await executeRun({ journal, clock, run, lease, performer, onFact });
await journal.release(lease);
await journal.close();
const statuses = Object.fromEntries([...state.steps].map(([id, { status }]) => [id, status]));
console.log(
  JSON.stringify({ outcome: state.outcome, status: state.status, changed: state.changed, statuses }),
);
