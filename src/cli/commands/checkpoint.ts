import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "capture every target, all or nothing, and prove that it restores",
  examples: ["backout checkpoint", "backout checkpoint --change v2", "backout checkpoint --no-prove --json"],
  exits: { 3: "captured, but not everything was proven to restore" },
};

interface Options {
  readonly change?: string;
  readonly prove: boolean;
}

export const addCheckpoint = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "checkpoint", help, wiring, async ({ session, services, options }) => {
    const { takeCheckpoint } = await import("../../app/take-checkpoint.js");
    const { proveCheckpoint } = await import("../../app/prove-checkpoint.js");
    const { progressLines } = await import("../render/progress-lines.js");
    const lines = progressLines(session);
    const events = { signal: session.interrupt, onProgress: lines.progress };
    const checkpoint = await takeCheckpoint(services, {
      ...events,
      change: options.change,
      onCaptured: (target, summary, ms) => lines.done(target, "captured", summary, ms),
      onBaselines: lines.baselines,
    });
    const proofs = options.prove
      ? await proveCheckpoint(services, checkpoint, { ...events, onProven: lines.proven })
      : {};
    lines.end();
    const unproven = Object.values(proofs).filter(({ result }) => result !== "passed").length;
    if (session.options.json) session.json({ checkpoint, proofs });
    else {
      session.print(
        `checkpoint ${checkpoint.id}${unproven === 0 ? "" : `: ${unproven} of its parts did not prove to restore`}`,
      );
      if (!options.prove) session.print(`hint: backout prove ${checkpoint.id}`);
    }
    return unproven === 0 ? 0 : 3;
  })
    .option("--change <name>", "the change that is about to be rolled out")
    .option("--no-prove", "only capture; a rollback will then ask for a proof");
