import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "the risk matrix: each change with its risk and promised time, added up against the objective",
  examples: ["backout changes", "backout changes --json"],
};

export const addChanges = (program: Command, wiring: Wiring): Command =>
  addServicesCommand(program, "changes", help, wiring, async ({ session, services }) => {
    const { riskMatrix } = await import("../../core/playbook/risk-matrix.js");
    const { renderRisks } = await import("../render/render-risks.js");
    const matrix = riskMatrix(services.playbook);
    if (session.options.json) session.json(matrix);
    else session.print(renderRisks(matrix, session.render()));
    return 0;
  });
