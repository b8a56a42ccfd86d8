import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "what happened, from the trigger to the last check, as Markdown or JSON",
  examples: [
    "backout report",
    "backout report run-20261122-054644-x7k2 --json",
    "backout report --output incident.md",
  ],
};

export const addReport = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ output?: string }>(program, "report [run]", help, wiring, async (call) => {
    const { session, services, options, args } = call;
    const { findRun } = await import("../../app/find-run.js");
    const { makeReport } = await import("../../core/report/report.js");
    const { reportMarkdown } = await import("../../core/report/markdown.js");
    const { run } = await findRun(services, args[0]);
    const report = makeReport({ run, facts: await services.journal.facts(run.id) });
    const text = options.json ? JSON.stringify(report) : reportMarkdown(report);
    if (options.output === undefined) session.print(text.trimEnd());
    else {
      await services.host.files.write(services.host.files.resolve(options.output), `${text.trimEnd()}\n`);
      session.note(`report written to ${options.output}`);
    }
    return 0;
  }).option("-o, --output <path>", "write it to a file");
