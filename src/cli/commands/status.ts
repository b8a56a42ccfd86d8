import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "is a rollback running or waiting, how did the last one end, what is there to go back to",
  examples: ["backout status", "backout status --json"],
};

export const addStatus = (program: Command, wiring: Wiring): Command =>
  addServicesCommand(program, "status", help, wiring, async ({ session, services }) => {
    const { systemStatus } = await import("../../app/system-status.js");
    const status = await systemStatus(services);
    if (session.options.json) session.json(status);
    else {
      const { renderStatus } = await import("../render/render-status.js");
      session.print(renderStatus(status, session.render()));
    }
    return 0;
  });
