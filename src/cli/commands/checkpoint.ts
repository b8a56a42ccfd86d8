import { resolve } from "node:path";
import type { Command } from "commander";
import type { GivenFiles } from "../../app/given-files.js";
import type { Services } from "../../app/services.js";
import type { Wiring } from "../../app/wiring.js";
import { BackoutError } from "../../core/errors.js";
import { addServicesCommand } from "../add-command.js";

const help = {
  summary: "capture every target, all or nothing, and prove that it restores",
  examples: [
    "backout checkpoint",
    "backout checkpoint --change v2",
    "backout checkpoint --from data=/backups/last-night.dump",
    "backout checkpoint --no-prove --json",
  ],
  exits: {
    1: "refused or failed: no checkpoint was made, and nothing changed",
    3: "captured, but not everything was proven to restore",
  },
};

interface Options {
  readonly change?: string;
  readonly prove: boolean;
  readonly from: readonly string[];
  readonly rest?: boolean;
}

const collect = (one: string, all: readonly string[]): string[] => [...all, one];

/** A path is meant from where it was typed, not from the playbook's folder. */
const fromHere = (text: string): string => {
  const at = text.indexOf("=");
  return at < 0 || at === text.length - 1 ? text : `${text.slice(0, at)}=${resolve(text.slice(at + 1))}`;
};

export const addCheckpoint = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "checkpoint", help, wiring, async ({ session, services, options }) => {
    if (options.rest && options.from.length === 0) {
      throw new BackoutError("USAGE", "--rest: without --from every target is captured anyway", {
        ...{ effect: "none", hint: "leave it out" },
      });
    }
    const given = await chosenFiles(services, options, wiring);
    const { takeCheckpoint } = await import("../../app/take-checkpoint.js");
    const { proveCheckpoint } = await import("../../app/prove-checkpoint.js");
    const { progressLines } = await import("../render/progress-lines.js");
    const lines = progressLines(session);
    const events = { signal: session.interrupt, onProgress: lines.progress };
    const checkpoint = await takeCheckpoint(services, {
      ...events,
      change: options.change,
      given,
      withRest: options.rest,
      onCaptured: (target, { summary, captureMs, given: origin }) => {
        lines.done(target, origin === undefined ? "captured" : "taken over", summary, captureMs);
        for (const note of origin?.notes ?? []) lines.note(target, note);
      },
      onBaselines: lines.baselines,
    });
    const proofs = options.prove
      ? await proveCheckpoint(services, checkpoint, { ...events, onProven: lines.proven })
      : {};
    lines.end();
    const unproven = Object.values(proofs).filter(({ result }) => result !== "passed").length;
    if (session.options.json) session.json({ checkpoint, proofs });
    else {
      session.print(
        `checkpoint ${checkpoint.id}${unproven === 0 ? "" : `: ${unproven} of its parts did not prove to restore`}`,
      );
      if (!options.prove) session.print(`hint: backout prove ${checkpoint.id}`);
      if (given !== undefined && !options.rest) {
        session.print(`it holds ${[...given.keys()].join(", ")} alone, and is the newest from now on`);
        session.print(`hint: backout plan SCENARIO --checkpoint ${checkpoint.id}`);
      }
    }
    return unproven === 0 ? 0 : 3;
  })
    .option("--change <name>", "the change that is about to be rolled out")
    .option(
      "--from <target=path>",
      "take over this file or folder (a dump, a snapshot) in place of capturing; then only what is named; may be repeated",
      collect,
      [],
    )
    .option("--rest", "with --from: also capture the other targets, as they are now")
    .option("--no-prove", "only capture; a rollback will then ask for a proof");

async function chosenFiles(
  services: Services,
  { from }: Options,
  { driverNames }: Wiring,
): Promise<GivenFiles | undefined> {
  if (from.length === 0) return undefined;
  const { givenFiles } = await import("../../app/given-files.js");
  return givenFiles(services, from.map(fromHere), driverNames);
}
