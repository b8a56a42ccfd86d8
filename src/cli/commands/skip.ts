import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addDecision } from "../decide-command.js";
import { runExits } from "./rollback.js";

const help = {
  summary: "go on without a failed step: it was done by hand, or is not needed",
  examples: ["backout skip app.restart --reason 'restarted by hand'"],
  exits: runExits,
};

export const addSkip = (program: Command, wiring: Wiring): Command =>
  addDecision(program, "skip", help, wiring).requiredOption(
    "--reason <text>",
    "why, for the timeline and the report",
  );
