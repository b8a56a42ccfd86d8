import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "what each target could be brought back to, newest version first",
  examples: ["backout versions", "backout versions release"],
  exits: { 1: "a target could not be asked; what the others know is shown" },
};

export const addVersions = (program: Command, wiring: Wiring): Command =>
  addServicesCommand(program, "versions [target]", help, wiring, async ({ session, services, args }) => {
    const { listVersions } = await import("../../app/list-versions.js");
    const { renderVersions } = await import("../render/render-versions.js");
    const listed = await listVersions(services, args[0], { signal: session.interrupt });
    if (session.options.json) for (const one of listed) session.json(one);
    else session.print(renderVersions(listed, session.render()));
    return listed.some(({ error }) => error !== undefined) ? 1 : 0;
  });
