import type { Json, JsonObject } from "../json.js";
import { checkDecisionNode } from "./decision-shape.js";
import type { QuestionDefinition } from "./playbook.js";
import { type Level, levels } from "./schema-judging.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt, textAt, textsAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

/** Decisions: their shape, names and conditions; then, where these are sound, what can be proven about them. */
export async function checkDecisions(tree: JsonObject, list: ProblemList): Promise<void> {
  const decisions = Array.isArray(tree["decisions"]) ? tree["decisions"].map(mapAt) : [];
  const questions = questionsOf(tree);
  if (decisions.length === 0) return;
  const { compileExpression } = await import("../signal/expression.js");
  const { decisionVariables } = await import("../decision/decision-tree.js");
  const triggers = entriesAt(tree["triggers"]);
  const names = triggers.map(([name]) => name);
  const changes = Object.keys(mapAt(tree["changes"]));
  const variables = decisionVariables(names);
  const ofTriggers = `${listed("triggers", names)}; and verdict`;
  let sound = true;
  const used = new Set<string>();
  const asked = new Set<string>();

  const condition = (value: Json | undefined, path: Path): void => {
    const text = textAt(value);
    if (text === undefined || text === "" || list.failed(path)) {
      sound &&= value === undefined;
      return;
    }
    const compiled = compileExpression(text, variables);
    if ("problems" in compiled) {
      sound = false;
      for (const { message, offset, unknown } of compiled.problems) {
        const near = unknown === undefined ? "" : didYouMean(unknown, Object.keys(variables));
        const hint = unknown === undefined ? undefined : ofTriggers;
        list.error(path, `${quoted(text)}: ${message}${near}`, hint, { inside: { text, offset } });
      }
      return;
    }
    const found = compiled.expression.variables;
    if (found.length === 0) {
      sound = false;
      list.error(path, "the rule looks at no trigger, so that it would always hold", ofTriggers);
    }
    for (const name of found) used.add(name);
  };

  const world = { list, scenarios: scenariosOf(tree), questions, condition, asked };
  for (const [index, rule] of decisions.entries()) {
    const path = ["decisions", index];
    condition(rule["when"], [...path, "when"]);
    sound = checkDecisionNode(rule, path, world, true) && sound;
  }
  for (const name of Object.keys(questions)) {
    if (!asked.has(name))
      list.warn(["questions", name], "nobody asks it", "ask it in a decision, or remove it", { part: "key" });
  }
  const missed = triggers.filter(([name, { level }]) => level === "RED" && !used.has(name));
  if (sound && !used.has("verdict")) {
    for (const [name] of missed) {
      const hint = "name it in a rule, or write a rule over verdict";
      list.warn(["triggers", name], "no decision looks at this trigger of level RED", hint, { part: "key" });
    }
  }
  if (!sound) return;
  const { proveDecisions } = await import("./decision-proofs.js");
  proveDecisions(
    {
      decisions: decisions,
      questions,
      triggers: levelsOf(triggers),
      changes,
      variables,
      isMade: (index) => madeByMatrix(tree, index),
    },
    list,
  );
}

/** Rules of the matrix follow those that the playbook wrote. */
function madeByMatrix(tree: JsonObject, index: number): boolean {
  const rule = mapAt(Array.isArray(tree["decisions"]) ? tree["decisions"][index] : undefined);
  const [metric, kind] = (textAt(rule["when"]) ?? "").split(/_(?=critical$|warning$)/);
  return mapAt(mapAt(tree["matrix"])[metric ?? ""])[kind ?? ""] !== undefined;
}

const scenariosOf = (tree: JsonObject): Set<string> | undefined => {
  const names = Object.keys(mapAt(tree["scenarios"]));
  return names.length === 0 ? undefined : new Set(names);
};

const levelsOf = (triggers: readonly [string, JsonObject][]): Record<string, Level> =>
  Object.fromEntries(
    triggers.flatMap(([name, { level }]) => {
      const known = levels.find((one) => one === level);
      return known === undefined ? [] : [[name, known]];
    }),
  );

function questionsOf(tree: JsonObject): Record<string, QuestionDefinition> {
  return Object.fromEntries(
    entriesAt(tree["questions"]).map(([name, question]) => {
      const answers = textsAt(question["answers"]).map(([, answer]) => answer);
      return [
        name,
        { ask: textAt(question["ask"]) ?? name, answers: answers.length === 0 ? ["yes", "no"] : answers },
      ];
    }),
  );
}
