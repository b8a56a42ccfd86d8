import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { followToEnd, showRun } from "../run-output.js";
import { runExits } from "./rollback.js";

const help = {
  summary: "go on with the run that crashed, stopped or was interrupted",
  examples: ["backout resume", "backout resume --reason 'disk has room again'"],
  exits: runExits,
};

export const addResume = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ reason?: string }>(
    program,
    "resume",
    help,
    wiring,
    async ({ session, services, options }) => {
      const { runningRun } = await import("../../app/run-lease.js");
      const running = await runningRun(services);
      if (running !== undefined) {
        session.note(`run ${running} is in progress already; joined it`);
        return followToEnd(session, services, running);
      }
      const { resumeRun } = await import("../../app/roll-back.js");
      const { unfinishedRun } = await import("../../app/find-run.js");
      const open = await unfinishedRun(services);
      const reason = options.reason ?? "resumed";
      return showRun(session, services, open?.run.plan, (events) =>
        resumeRun(services, { ...events, reason }),
      );
    },
  ).option("--reason <text>", "why, for the timeline and the report");
