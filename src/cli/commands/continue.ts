import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { tellAsked } from "../tell-asked.js";

const help = {
  summary: "let a paused run go on",
  examples: ["backout continue", "backout continue --reason 'the replica is fine'"],
};

export const addContinue = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ reason?: string }>(program, "continue", help, wiring, async (call) => {
    const { session, services, options } = call;
    const { continueRun } = await import("../../app/ask-run.js");
    return tellAsked(
      session,
      await continueRun(services, options.reason ?? "continued by hand"),
      "continued",
    );
  }).option("--reason <text>", "why, for the timeline and the report");
