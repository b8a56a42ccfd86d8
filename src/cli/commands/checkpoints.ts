import type { Command } from "commander";
import type { OpenServices } from "../../app/services.js";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";

const scope = ({ playbook }: OpenServices) => ({
  system: playbook.system,
  environment: playbook.environment,
});

/** `checkpoints list | show | pin | unpin | prune`. */
export function addCheckpoints(program: Command, wiring: Wiring): Command {
  const group = program
    .command("checkpoints")
    .description("list, show, pin, unpin or prune what was captured");
  addList(group, wiring);
  addShow(group, wiring);
  addPin(group, wiring);
  addUnpin(group, wiring);
  addPrune(group, wiring);
  return group;
}

const addList = (group: Command, wiring: Wiring): void => {
  const help = {
    summary: "all checkpoints with their proofs (default)",
    examples: ["backout checkpoints list"],
    isDefault: true,
  };
  addServicesCommand(group, "list", help, wiring, async ({ session, services }) => {
    const { checkpoints, damaged } = await services.checkpoints.list(scope(services));
    const rows = await Promise.all(
      checkpoints.map(async (checkpoint) => ({
        checkpoint,
        proofs: await services.checkpoints.proofs(checkpoint.id),
      })),
    );
    if (session.options.json) for (const row of rows) session.json(row);
    else if (rows.length > 0 || damaged.length === 0) {
      const { renderCheckpoints } = await import("../render/render-checkpoints.js");
      session.print(
        renderCheckpoints(rows, { ...session.render(), expireMs: services.playbook.proofs.expire }),
      );
    }
    for (const { error } of damaged) {
      session.note(`damaged: ${error.message}`);
      session.note("  hint: bring it back from a copy, or remove its folder; others are not touched by it");
    }
    return damaged.length === 0 ? 0 : 1;
  });
};

const addShow = (group: Command, wiring: Wiring): void => {
  const help = {
    summary: "one checkpoint: its parts, artifacts and proofs",
    examples: ["backout checkpoints show latest"],
  };
  addServicesCommand(group, "show <checkpoint>", help, wiring, async ({ session, services, args }) => {
    const checkpoint = await services.checkpoints.load(args[0] ?? "latest", scope(services));
    const proofs = await services.checkpoints.proofs(checkpoint.id);
    const problems = await services.checkpoints.verify(checkpoint.id);
    if (session.options.json) session.json({ checkpoint, proofs, problems });
    else {
      const { renderCheckpoint } = await import("../render/render-checkpoints.js");
      const { renderProblems } = await import("../render/render-problems.js");
      const options = { ...session.render(), expireMs: services.playbook.proofs.expire };
      session.print(renderCheckpoint({ checkpoint, proofs }, options));
      if (problems.length > 0) session.print(renderProblems(problems, session.render()));
    }
    return problems.length === 0 ? 0 : 1;
  });
};

const addPin = (group: Command, wiring: Wiring): void => {
  const help = {
    summary: "keep a checkpoint whatever retention says",
    examples: ["backout checkpoints pin latest --reason audit"],
  };
  addServicesCommand<{ reason?: string }>(group, "pin <checkpoint>", help, wiring, async (call) => {
    const { session, services, args, options } = call;
    const { id } = await services.checkpoints.load(args[0] ?? "latest", scope(services));
    await services.checkpoints.pin(id, options.reason);
    session.print(session.options.json ? JSON.stringify({ pinned: id }) : `${id} is pinned`);
    return 0;
  }).option("--reason <text>", "kept beside it");
};

const addUnpin = (group: Command, wiring: Wiring): void => {
  const help = { summary: "let retention decide again", examples: ["backout checkpoints unpin latest"] };
  addServicesCommand(group, "unpin <checkpoint>", help, wiring, async ({ session, services, args }) => {
    const { id } = await services.checkpoints.load(args[0] ?? "latest", scope(services));
    await services.checkpoints.unpin(id);
    session.print(session.options.json ? JSON.stringify({ unpinned: id }) : `${id} is not pinned any more`);
    return 0;
  });
};

const addPrune = (group: Command, wiring: Wiring): void => {
  const help = {
    summary: "remove what retention does not keep; never the last proven one, a pinned one, or one in use",
    examples: ["backout checkpoints prune --dry-run", "backout checkpoints prune"],
  };
  addServicesCommand<{ dryRun?: boolean }>(
    group,
    "prune",
    help,
    wiring,
    async ({ session, services, options }) => {
      const { pruneCheckpoints } = await import("../../app/prune-checkpoints.js");
      const dryRun = options.dryRun ?? false;
      const { choices, left } = await pruneCheckpoints(services, { dryRun, signal: session.interrupt });
      if (session.options.json) for (const choice of choices) session.json(choice);
      else {
        const { renderRetention } = await import("../render/render-checkpoints.js");
        session.print(renderRetention(choices, { ...session.render(), dryRun }));
      }
      for (const one of left) session.note(`left: ${one}`);
      return 0;
    },
  ).option("--dry-run", "only say what would go");
};
