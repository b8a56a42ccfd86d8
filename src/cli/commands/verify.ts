import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "ask every check of the playbook, and compare the targets with a checkpoint",
  examples: ["backout verify", "backout verify --checkpoint latest", "backout verify --no-wait --json"],
  exits: { 3: "a check failed, or could not be measured" },
};

interface Options {
  readonly checkpoint?: string;
  readonly wait: boolean;
}

export const addVerify = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "verify", help, wiring, async ({ session, services, options }) => {
    const { allPassed, verifySystem } = await import("../../app/verify-system.js");
    const { ensureBelongs } = await import("../../core/checkpoint/manifest.js");
    const { system, environment } = services.playbook;
    const scope = { system, environment };
    const checkpoint =
      options.checkpoint === undefined
        ? undefined
        : await services.checkpoints.load(options.checkpoint, scope);
    if (checkpoint !== undefined) ensureBelongs(checkpoint, system, environment);
    const results = await verifySystem(services, {
      signal: session.interrupt,
      wait: options.wait,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    });
    const good = allPassed(results);
    if (options.json) session.json({ verified: good, results });
    else if (results.length === 0)
      session.print("there is nothing to check: add checks: to the playbook, or give --checkpoint");
    else {
      const { renderChecks } = await import("../render/render-checks.js");
      session.print(renderChecks(results, session.render()));
    }
    return good ? 0 : 3;
  })
    .option("--checkpoint <id>", "compare every target with it as well")
    .option("--no-wait", "ask once instead of waiting as long as each check allows");
