import type { Command } from "commander";

/** Understood by every command. */
export interface CommonOptions {
  readonly file?: string;
  readonly env?: string;
  readonly json?: boolean;
}

export function addCommonOptions(command: Command): Command {
  return command
    .option("-f, --file <path>", "the playbook (default: backout.yaml here or above)")
    .option("-e, --env <name>", "the environment, where the playbook has several")
    .option("--json", "one JSON value a line instead of text");
}
