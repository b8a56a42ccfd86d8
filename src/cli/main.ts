import { Command, CommanderError } from "commander";
import type { Wiring } from "../app/wiring.js";
import { version } from "./version.js";

type AddCommand = (program: Command, wiring: Wiring) => Command;

/** In the order of the help. Only what is called is loaded. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  init: async () => (await import("./commands/init.js")).addInit,
  check: async () => (await import("./commands/check.js")).addCheck,
  checkpoint: async () => (await import("./commands/checkpoint.js")).addCheckpoint,
  prove: async () => (await import("./commands/prove.js")).addProve,
  plan: async () => (await import("./commands/plan.js")).addPlan,
  rollback: async () => (await import("./commands/rollback.js")).addRollback,
  status: async () => (await import("./commands/status.js")).addStatus,
  approve: async () => (await import("./commands/approve.js")).addApprove,
  pause: async () => (await import("./commands/pause.js")).addPause,
  continue: async () => (await import("./commands/continue.js")).addContinue,
  resume: async () => (await import("./commands/resume.js")).addResume,
  retry: async () => (await import("./commands/retry.js")).addRetry,
  skip: async () => (await import("./commands/skip.js")).addSkip,
  cancel: async () => (await import("./commands/cancel.js")).addCancel,
  verify: async () => (await import("./commands/verify.js")).addVerify,
  observe: async () => (await import("./commands/observe.js")).addObserve,
  watch: async () => (await import("./commands/watch.js")).addWatch,
  decide: async () => (await import("./commands/decide.js")).addDecide,
  backtest: async () => (await import("./commands/backtest.js")).addBacktest,
  controller: async () => (await import("./commands/controller.js")).addController,
  history: async () => (await import("./commands/history.js")).addHistory,
  report: async () => (await import("./commands/report.js")).addReport,
  "report-problem": async () => (await import("./commands/report-problem.js")).addReportProblem,
  checkpoints: async () => (await import("./commands/checkpoints.js")).addCheckpoints,
  changes: async () => (await import("./commands/changes.js")).addChanges,
  versions: async () => (await import("./commands/versions.js")).addVersions,
};

/** The command that is called; all of them where none is, for the help and for suggestions. */
function called(word: string | undefined): readonly (() => Promise<AddCommand>)[] {
  if (word === "--version" || word === "-V") return [];
  const one = Object.hasOwn(commands, word ?? "") ? commands[word ?? ""] : undefined;
  return one === undefined ? Object.values(commands) : [one];
}

async function makeProgram(word: string | undefined): Promise<Command> {
  const program = new Command("backout")
    .description("Rollback playbooks that run: checkpoint, prove, watch, plan, roll back, verify, report.")
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError("hint: add --help")
    .addHelpText(
      "after",
      "\nIn an emergency:\n  $ backout plan        the way back, nothing moves\n  $ backout rollback    go back",
    );
  const add = await Promise.all(called(word).map((load) => load()));
  if (add.length > 0) {
    const { wiring } = await import("../compose.js");
    for (const one of add) configure(one(program, wiring));
  }
  return configure(program);
}

/** Wrong usage is exit status 2, help and version 0. */
function configure(command: Command): Command {
  for (const sub of command.commands) configure(sub);
  return command.exitOverride();
}

async function main(argv: readonly string[]): Promise<void> {
  try {
    const program = await makeProgram(argv[2]);
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
  process.stdout.write("", () => process.exit());
}

void main(process.argv);
