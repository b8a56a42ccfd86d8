import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "restore a checkpoint somewhere harmless and compare",
  examples: ["backout prove", "backout prove cp-20261122-054644-x7k2", "backout prove latest --target db"],
  exits: { 3: "a part did not prove to restore" },
};

export const addProve = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<{ target?: string[] }>(
    program,
    "prove [checkpoint]",
    help,
    wiring,
    async ({ session, services, options, args }) => {
      const { proveCheckpoint } = await import("../../app/prove-checkpoint.js");
      const { ensureBelongs } = await import("../../core/checkpoint/manifest.js");
      const { progressLines } = await import("../render/progress-lines.js");
      const { system, environment } = services.playbook;
      const checkpoint = await services.checkpoints.load(args[0] ?? "latest", { system, environment });
      ensureBelongs(checkpoint, system, environment);
      const lines = progressLines(session);
      const proofs = await proveCheckpoint(services, checkpoint, {
        signal: session.interrupt,
        onProgress: lines.progress,
        onProven: lines.proven,
        ...(options.target === undefined ? {} : { targets: options.target }),
      });
      lines.end();
      const bad = Object.values(proofs).filter(({ result }) => result !== "passed").length;
      if (session.options.json) session.json({ checkpoint: checkpoint.id, proofs });
      else
        session.print(
          `${checkpoint.id}: ${bad === 0 ? "proven to restore" : `${bad} of its parts did not prove to restore`}`,
        );
      return bad === 0 ? 0 : 3;
    },
  ).option("--target <name...>", "only these parts");
