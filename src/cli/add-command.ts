import type { Command } from "commander";
import type { OpenServices } from "../app/services.js";
import type { Wiring } from "../app/wiring.js";
import { BackoutError } from "../core/errors.js";
import { addCommonOptions, type CommonOptions } from "./common-options.js";
import { openSession, type Session } from "./session.js";

export interface CommandHelp {
  readonly summary: string;
  /** Command lines, without the leading `$`. */
  readonly examples: readonly string[];
  /** Beyond 0, 1, 2 and 130, which every command has. */
  readonly exits?: Readonly<Record<number, string>>;
  /** Taken where its group is named alone. */
  readonly isDefault?: boolean;
}

/** What an action gets; it returns the exit status. */
export interface Call<Options> {
  readonly session: Session;
  readonly wiring: Wiring;
  readonly options: CommonOptions & Options;
  readonly args: readonly string[];
}

export interface ServicesCall<Options> extends Call<Options> {
  readonly services: OpenServices;
}

const everywhere = {
  0: "done",
  1: "refused or failed, nothing changed",
  2: "wrong usage",
  130: "interrupted",
};

/** Adds a command with its help. `name` has its arguments: `plan [scenario]`. */
export function addCommand<Options>(
  parent: Command,
  name: string,
  help: CommandHelp,
  wiring: Wiring,
  action: (call: Call<Options>) => Promise<number>,
): Command {
  const command = addCommonOptions(parent.command(name, { isDefault: help.isDefault ?? false })).description(
    help.summary,
  );
  const exits = Object.entries({ ...everywhere, ...help.exits }).sort(([a], [b]) => Number(a) - Number(b));
  const lines = [
    "",
    "Examples:",
    ...help.examples.map((example) => `  $ ${example}`),
    "",
    "Exit status:",
    ...exits.map(([status, meaning]) => `  ${status.padEnd(4)} ${meaning}`),
  ];
  command.addHelpText("after", lines.join("\n"));
  command.action(async (...given: unknown[]) => {
    const options = command.opts<CommonOptions & Options>();
    const args = given.slice(0, -2).flat() as string[];
    const session = openSession(options);
    process.exitCode = await guarded(session, () => action({ session, wiring, options, args }));
  });
  return command;
}

/** Adds a command that works on a playbook. */
export function addServicesCommand<Options>(
  parent: Command,
  name: string,
  help: CommandHelp,
  wiring: Wiring,
  action: (call: ServicesCall<Options>) => Promise<number>,
): Command {
  return addCommand<Options>(parent, name, help, wiring, async (call) => {
    const { file, env } = call.options;
    const services = await wiring.openServices({ file, environment: env });
    try {
      return await action({ ...call, services });
    } finally {
      await services.close();
    }
  });
}

/** The only place where an error becomes an exit status. */
async function guarded(session: Session, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (session.interrupt.aborted && !(error instanceof BackoutError && error.code !== "INTERRUPTED")) {
      session.note("interrupted; nothing further was done");
      return 130;
    }
    const { reportError } = await import("./report-error.js");
    return reportError(session, error);
  }
}
