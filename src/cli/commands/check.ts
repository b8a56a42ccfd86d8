import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import type { Problem } from "../../core/errors.js";
import { addCommand } from "../add-command.js";
import type { Session } from "../session.js";
import { keepYoungGenerationSmall } from "../young-generation.js";

const help = {
  summary: "validate the playbook, then ask every driver whether it can do its work",
  examples: ["backout check", "backout check --env production --json", "backout check --offline"],
};

/** Problems of the file come all at once; only a valid one is asked further. */
export const addCheck = (program: Command, wiring: Wiring): Command =>
  addCommand<{ offline?: boolean }>(program, "check", help, wiring, async ({ session, options }) => {
    keepYoungGenerationSmall();
    const choice = { file: options.file, environment: options.env };
    const loaded = await wiring.loadPlaybook(choice);
    if (loaded.playbook === undefined) return tell(session, loaded.problems, loaded.file);
    if (options.offline) return tell(session, loaded.problems, loaded.file);
    const { checkSystem } = await import("../../app/check-system.js");
    const services = await wiring.openServices(choice, loaded);
    try {
      const asked = await checkSystem(services, { signal: session.interrupt });
      return await tell(session, [...loaded.problems, ...asked], loaded.file);
    } finally {
      await services.close();
    }
  }).option("--offline", "only the file: ask no driver");

async function tell(session: Session, problems: readonly Problem[], file: string): Promise<number> {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (session.options.json) {
    session.json({ ok: errors === 0, file, problems });
  } else if (problems.length === 0) {
    session.print(`${file}: no problem found`);
  } else {
    const { renderProblems } = await import("../render/render-problems.js");
    session.print(renderProblems(problems, session.render()));
  }
  return errors === 0 ? 0 : 1;
}
