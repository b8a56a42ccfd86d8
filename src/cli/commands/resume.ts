import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { followToEnd, showRun } from "../run-output.js";
import { runExits } from "./rollback.js";

const help = {
  summary: "go on with the run that crashed, stopped or was interrupted",
  examples: ["backout resume", "backout resume --reason 'disk has room again'", "backout resume --take-over"],
  exits: runExits,
};

export const addResume = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ reason?: string; takeOver?: boolean }>(
    program,
    "resume",
    help,
    wiring,
    async ({ session, services, options }) => {
      const { runningRun } = await import("../../app/run-lease.js");
      const running = await runningRun(services);
      const { takeOver = false } = options;
      if (running !== undefined && !takeOver) {
        session.note(`run ${running} is in progress already; joined it`);
        return followToEnd(session, services, running);
      }
      const { resumeRun } = await import("../../app/roll-back.js");
      const { unfinishedRun } = await import("../../app/find-run.js");
      const open = await unfinishedRun(services);
      const reason = options.reason ?? "resumed";
      return showRun(session, services, open?.run.plan, (events) =>
        resumeRun(services, { ...events, reason, takeOver }),
      );
    },
  )
    .option("--take-over", "take the run away from a process that is still at work on it, or hangs")
    .option("--reason <text>", "why, for the timeline and the report");
