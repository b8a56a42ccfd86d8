import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { tellAsked } from "../tell-asked.js";

const help = {
  summary: "let the run's running steps end and start no further one, until continued",
  examples: ["backout pause --reason 'looking at the replica first'"],
};

export const addPause = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ reason?: string }>(program, "pause", help, wiring, async (call) => {
    const { session, services, options } = call;
    const { pauseRun } = await import("../../app/ask-run.js");
    return tellAsked(session, await pauseRun(services, options.reason ?? "paused by hand"), "paused");
  }).option("--reason <text>", "why, for the timeline and the report");
