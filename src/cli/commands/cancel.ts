import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { isLeft, runEvents, tellEnd } from "../run-output.js";

const help = {
  summary: "end the unfinished run where it stands; running steps are told to end",
  examples: ["backout cancel --reason 'fixed by hand'"],
  exits: { 4: "cancelled after something had changed" },
};

export const addCancel = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ reason?: string }>(
    program,
    "cancel",
    help,
    wiring,
    async ({ session, services, options }) => {
      const { cancelRun } = await import("../../app/roll-back.js");
      const { unfinishedRun } = await import("../../app/find-run.js");
      const open = await unfinishedRun(services);
      const { events, end } =
        open === undefined
          ? { events: {}, end: () => {} }
          : await runEvents(session, open.run.plan, isLeft(services));
      try {
        const found = await cancelRun(services, { ...events, reason: options.reason ?? "cancelled by hand" });
        end(found.state);
        const status = await tellEnd(session, services, found);
        return found.state.outcome === "cancelled" && !found.state.changed ? 0 : status;
      } catch (error) {
        end();
        throw error;
      }
    },
  ).option("--reason <text>", "why, for the timeline and the report");
