import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addDecision } from "../decide-command.js";
import { runExits } from "./rollback.js";

const help = {
  summary: "try a failed step again, then go on with the run",
  examples: ["backout retry db.swap", "backout retry db.swap --reason 'the lock is gone'"],
  exits: runExits,
};

export const addRetry = (program: Command, wiring: Wiring): Command =>
  addDecision(program, "retry", help, wiring).option(
    "--reason <text>",
    "why, for the timeline and the report",
  );
