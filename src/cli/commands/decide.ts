import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { BackoutError } from "../../core/errors.js";
import { addServicesCommand } from "../add-command.js";
import { askQuestion } from "../ask-question.js";
import { refuseUnknownChange } from "../unknown-change.js";

const help = {
  summary: "read the signals once, walk the decisions, and say which way back, by whom and why",
  examples: [
    "backout decide",
    "backout decide --change v2 --answer data_damaged=no",
    "backout decide --json --answer errors=yes",
  ],
  exits: { 0: "decided", 3: "not decided: a question is open, and nobody can be asked" },
};

interface Options {
  readonly change?: string;
  readonly answer: readonly string[];
}

export const addDecide = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "decide", help, wiring, async ({ session, services, options }) => {
    refuseUnknownChange(services, options.change);
    if (services.playbook.decisions.length === 0) {
      throw new BackoutError("REFUSED", "there is nothing to decide by: the playbook has no decisions", {
        effect: "none",
        hint: "add decisions: or a matrix: to the playbook, then: backout check",
      });
    }
    const { decideNow } = await import("../../app/decide-now.js");
    const found = await decideNow(services, {
      signal: session.interrupt,
      change: options.change,
      answers: Object.fromEntries(options.answer.map(namedAnswer)),
      ...(session.interactive ? { ask: (question) => askQuestion(session, question) } : {}),
    });
    const { at, decision, change, statuses } = found;
    if (options.json)
      session.json({ at, change, ...decision, verdict: decision.verdict.level, triggers: statuses });
    else {
      const { renderDecision } = await import("../render/render-decision.js");
      session.print(renderDecision(found, services.playbook, session.render()));
    }
    return decision.question === undefined ? 0 : 3;
  })
    .option("--change <name>", "the change that is out (default: that of the newest checkpoint)")
    .option(
      "--answer <name=answer>",
      "what a person would say to a question, or of a trigger; may be repeated",
      (one: string, all: readonly string[]) => [...all, one],
      [],
    );

function namedAnswer(text: string): [string, string] {
  const [name = "", ...rest] = text.split("=");
  if (name !== "" && rest.length > 0) return [name, rest.join("=")];
  throw new BackoutError("USAGE", `--answer: "${text}" is no name and answer`, {
    effect: "none",
    hint: "--answer data_damaged=no",
  });
}
