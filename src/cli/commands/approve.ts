import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { tellAsked } from "../tell-asked.js";

const help = {
  summary: "agree to the plan of a run that waits for it; only people whom the plan names may",
  examples: [
    "backout approve",
    "backout approve run-20261122-054644-x7k2 --reason 'seen by the DBA on call'",
    "backout approve --digest sha256:3f2a91c0",
  ],
};

interface Options {
  readonly digest?: string;
  readonly reason?: string;
}

export const addApprove = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "approve [run]", help, wiring, async (call) => {
    const { session, services, options, args } = call;
    const { approveRun } = await import("../../app/ask-run.js");
    const { digest, reason = "" } = options;
    const asked = await approveRun(services, { run: args[0], digest, reason });
    return tellAsked(session, asked, `approved as ${asked.role}`);
  })
    .option("--digest <sha256>", "the plan that is meant, or its beginning: any other is refused")
    .option("--reason <text>", "why, for the timeline and the report");
