import { Command, CommanderError } from "commander";
import type { Wiring } from "../app/wiring.js";
import { wiring } from "../compose.js";
import { addApprove } from "./commands/approve.js";
import { addCancel } from "./commands/cancel.js";
import { addCheck } from "./commands/check.js";
import { addCheckpoint } from "./commands/checkpoint.js";
import { addCheckpoints } from "./commands/checkpoints.js";
import { addContinue } from "./commands/continue.js";
import { addController } from "./commands/controller.js";
import { addHistory } from "./commands/history.js";
import { addInit } from "./commands/init.js";
import { addPause } from "./commands/pause.js";
import { addPlan } from "./commands/plan.js";
import { addProve } from "./commands/prove.js";
import { addReport } from "./commands/report.js";
import { addResume } from "./commands/resume.js";
import { addRetry } from "./commands/retry.js";
import { addRollback } from "./commands/rollback.js";
import { addSkip } from "./commands/skip.js";
import { addStatus } from "./commands/status.js";
import { addVerify } from "./commands/verify.js";
import { addVersions } from "./commands/versions.js";
import { addWatch } from "./commands/watch.js";
import { version } from "./version.js";

const commands: readonly ((program: Command, wiring: Wiring) => Command)[] = [
  addInit,
  addCheck,
  addCheckpoint,
  addProve,
  addPlan,
  addRollback,
  addStatus,
  addApprove,
  addPause,
  addContinue,
  addResume,
  addRetry,
  addSkip,
  addCancel,
  addVerify,
  addWatch,
  addController,
  addHistory,
  addReport,
  addCheckpoints,
  addVersions,
];

function makeProgram(): Command {
  const program = new Command("backout")
    .description("Rollback playbooks that run: checkpoint, prove, watch, plan, roll back, verify, report.")
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError("hint: add --help")
    .addHelpText(
      "after",
      "\nIn an emergency:\n  $ backout plan        the way back, nothing moves\n  $ backout rollback    go back",
    );
  for (const add of commands) configure(add(program, wiring));
  return configure(program);
}

/** Wrong usage is exit status 2, help and version 0. */
function configure(command: Command): Command {
  for (const sub of command.commands) configure(sub);
  return command.exitOverride();
}

async function main(argv: readonly string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
  process.stdout.write("", () => process.exit());
}

void main(process.argv);
