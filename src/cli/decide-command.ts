import type { Command } from "commander";
import type { Wiring } from "../app/wiring.js";
import { addServicesCommand, type CommandHelp } from "./add-command.js";
import { showRun } from "./run-output.js";

/** `retry` and `skip`: a person's word about one step, and then on with the run. */
export const addDecision = (
  program: Command,
  type: "retry" | "skip",
  help: CommandHelp,
  wiring: Wiring,
): Command =>
  addServicesCommand<{ reason?: string }>(program, `${type} <step>`, help, wiring, async (call) => {
    const { session, services, options, args } = call;
    const { decideStep } = await import("../app/roll-back.js");
    const { unfinishedRun } = await import("../app/find-run.js");
    const open = await unfinishedRun(services);
    const decision = { type, step: args[0] ?? "", reason: options.reason ?? "retried by hand" };
    return showRun(session, services, open?.run.plan, (events) => decideStep(services, decision, events));
  });
