import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

interface Options {
  readonly kind?: string;
  readonly issue?: string;
  readonly note?: string;
  readonly list?: boolean;
  readonly withdraw?: string;
}

const help = {
  summary: "write down what people report: the signal `reports` counts it",
  examples: [
    "backout report-problem --kind user --issue 'checkout fails' --note 'card payments, since 14:10'",
    "backout report-problem --kind security --note 'CVE in the new parser'",
    "backout report-problem --list",
    "backout report-problem --withdraw pr-20261122-054644-x7k2",
  ],
};

export const addReportProblem = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "report-problem", help, wiring, async (call) => {
    const { session, services, options } = call;
    const { BackoutError } = await import("../../core/errors.js");
    const { renderReport, renderReports } = await import("../render/render-problem-reports.js");
    const ways = [options.kind, options.list, options.withdraw].filter((one) => one !== undefined);
    if (ways.length !== 1) {
      throw new BackoutError("USAGE", "one of --kind, --list and --withdraw is needed", {
        effect: "none",
        hint: "backout report-problem --kind user --issue 'what fails'",
      });
    }
    if (options.list) {
      const { environment } = services.playbook;
      const all = (await services.reports.list()).filter((one) => one.environment === environment);
      if (session.options.json) for (const one of all) session.json(one);
      else session.print(renderReports(all, session.render()));
      return 0;
    }
    if (options.withdraw !== undefined) {
      const word = { at: services.clock.now(), by: services.actor };
      const report = await services.reports.withdraw(options.withdraw, word);
      if (session.options.json) session.json(report);
      else session.print(`${report.id}: withdrawn, it counts no more`);
      return 0;
    }
    const { reportProblem } = await import("../../app/report-problem.js");
    const reported = await reportProblem(services, options);
    if (session.options.json) session.json(reported);
    else session.print(renderReport(reported));
    return 0;
  })
    .option("--kind <kind>", "user, security or corruption")
    .option("--issue <text>", "what the reports of one fault have in common")
    .option("--note <text>", "anything else worth knowing")
    .option("--list", "what was reported")
    .option("--withdraw <id>", "a report that counts no more: mended, or mistaken");
