import { type FoundRun, lastRun } from "../../src/app/find-run.js";
import { planRollback } from "../../src/app/plan-rollback.js";
import { decideStep, resumeRun, rollBack } from "../../src/app/roll-back.js";
import { takeCheckpoint } from "../../src/app/take-checkpoint.js";
import { openServices } from "./system/open-services.js";

/**
 * A process that begins the rollback of its folder's system or goes on with it; `checkpoint` makes what it comes back
 * to, `retry` and `skip` decide about a step. Its last line is what became of the run.
 */
const [folder = "", what = "go", step = ""] = process.argv.slice(2);
const services = await openServices(folder);
const { signal } = new AbortController();
const reason = "v2 is broken";

async function goOn(): Promise<FoundRun> {
  if (what === "retry" || what === "skip") return decideStep(services, { type: what, step, reason }, {});
  const last = await lastRun(services);
  if (last?.state.status === "finished") return last;
  if (last !== undefined) return resumeRun(services, { reason });
  return rollBack(services, await planRollback(services, { signal, acceptUnproven: true }), { reason });
}

if (what === "checkpoint") await takeCheckpoint(services, { signal });
else {
  const { run, state } = await goOn();
  const { status, outcome, changed, firstFailure, steps } = state;
  const statuses = Object.fromEntries([...steps].map(([id, one]) => [id, one.status]));
  console.log(JSON.stringify({ run: run.id, status, outcome, changed, asks: firstFailure?.step, statuses }));
}
await services.close();
