import type { Command } from "commander";
import type { OpenServices } from "../../app/services.js";
import type { Wiring } from "../../app/wiring.js";
import { BackoutError } from "../../core/errors.js";
import { addServicesCommand } from "../add-command.js";
import type { Session } from "../session.js";

const help = {
  summary: "the runs of this system, or the facts of one",
  examples: ["backout history", "backout history run-20261122-054644-x7k2", "backout history --verify"],
};

export const addHistory = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ verify?: boolean }>(program, "history [run]", help, wiring, async (call) => {
    const { session, services, options, args } = call;
    const { findRun, loadRun } = await import("../../app/find-run.js");
    const { makeReport } = await import("../../core/report/report.js");
    const { system, environment } = services.playbook;
    const ids = await services.journal.runIds(system, environment);
    if (options.verify) return verifyChains(session, services, ids);
    const { renderFacts, renderHistory } = await import("../render/render-history.js");
    if (args[0] !== undefined) {
      const facts = await services.journal.facts((await findRun(services, args[0])).run.id);
      if (options.json) for (const fact of facts) session.json(fact);
      else session.print(renderFacts(facts, session.render()));
      return 0;
    }
    const reports = await Promise.all(
      ids.map(async (id) => {
        const { run } = await loadRun(services, id);
        return makeReport({ run, facts: await services.journal.facts(id) });
      }),
    );
    if (options.json) for (const report of reports) session.json(report);
    else session.print(renderHistory(reports, session.render()));
    return 0;
  }).option("--verify", "recompute the hash chain of every run: shows later changes");

async function verifyChains(
  session: Session,
  services: OpenServices,
  ids: readonly string[],
): Promise<number> {
  const broken: { run: string; fact: number }[] = [];
  for (const run of ids) {
    const fact = await services.journal.brokenAt(run);
    if (fact !== undefined) broken.push({ run, fact });
  }
  if (session.options.json) session.json({ runs: ids.length, broken });
  else if (broken.length === 0) session.print(`${ids.length} runs: every fact is as it was written`);
  const [first] = broken;
  if (first === undefined) return 0;
  throw new BackoutError("STATE_CORRUPT", `run "${first.run}": fact ${first.fact} is not as it was written`, {
    effect: "none",
    hint: "somebody or something changed the journal; keep a copy of it and compare with your backups",
  });
}
