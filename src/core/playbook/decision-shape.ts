import type { Json, JsonObject } from "../json.js";
import { decisionModes } from "./decision-node.js";
import type { QuestionDefinition } from "./playbook.js";
import { defaultScenario } from "./references.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { mapAt, textAt, textsAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

interface DecisionWorld {
  readonly list: ProblemList;
  /** Undefined: the playbook has none, and gets one. */
  readonly scenarios: ReadonlySet<string> | undefined;
  readonly questions: Readonly<Record<string, QuestionDefinition>>;
  readonly condition: (value: Json | undefined, path: Path) => void;
  readonly asked: Set<string>;
}

/** Whether an end is an end and a branch is a branch, all the way down; every reason why not is told. */
export function checkDecisionNode(
  node: JsonObject,
  path: Path,
  world: DecisionWorld,
  isRule = false,
): boolean {
  const { list } = world;
  let sound = true;
  const fail = (at: Path, message: string, hint?: string): void => {
    sound = false;
    if (!list.failed(at)) list.error(at, message, hint);
  };
  const has = (key: string): boolean => node[key] !== undefined;
  const below = (key: string): void => {
    if (has(key)) sound = checkDecisionNode(mapAt(node[key]), [...path, key], world) && sound;
  };
  const isEnd = has("scenario") || has("say");
  const isBranch = has("if") || has("ask");
  const onlyThen = isRule && has("when") && has("then") && !isBranch;
  if (has("if") && has("ask")) fail(path, "if and ask are both branches", "put the one below the other");
  if (isEnd && (isBranch || has("then")))
    fail(path, "it is an end and a branch at once", "put the end below then: or else:");
  if (!isEnd && !isBranch && !onlyThen)
    fail(path, "nothing follows from it", "scenario: and mode:, or say:, or if: or ask: with branches");
  if (isRule && !has("when") && isEnd && !isBranch)
    fail(
      path,
      "the rule has no condition, so that it would always hold",
      "add when:, or put it below a branch",
    );
  if (has("scenario") && has("say")) fail([...path, "say"], "say is for where there is no scenario", "why:");
  if (has("scenario") && !has("mode")) fail([...path, "mode"], '"mode" is missing', decisionModes.join(", "));
  if (has("mode") && !has("scenario")) fail([...path, "mode"], "mode goes with a scenario");
  if (!isBranch && (has("else") || has("answers")))
    fail([...path, has("else") ? "else" : "answers"], "there is no if or ask that it belongs to");
  if (has("if") && has("answers")) fail([...path, "answers"], "answers go with ask", "then: and else:");
  checkScenarios(node, path, world, fail);
  world.condition(node["if"], [...path, "if"]);
  below("then");
  below("else");
  for (const [answer, inner] of Object.entries(mapAt(node["answers"])))
    sound = checkDecisionNode(mapAt(inner), [...path, "answers", answer], world) && sound;
  checkQuestion(node, path, world, fail);
  return sound;
}

type Fail = (at: Path, message: string, hint?: string) => void;

function checkScenarios(node: JsonObject, path: Path, { scenarios }: DecisionWorld, fail: Fail): void {
  const choices = scenarios ?? new Set([defaultScenario]);
  const one = textAt(node["scenario"]);
  const named: [Path, string][] =
    one === undefined
      ? textsAt(node["scenario"]).map(([index, name]) => [[...path, "scenario", index], name])
      : [[[...path, "scenario"], one]];
  for (const [at, name] of named) {
    if (!choices.has(name))
      fail(at, `no scenario ${quoted(name)}${didYouMean(name, choices)}`, listed("scenarios", choices));
  }
}

function checkQuestion(node: JsonObject, path: Path, world: DecisionWorld, fail: Fail): void {
  const name = textAt(node["ask"]);
  if (name === undefined) return;
  world.asked.add(name);
  const question = world.questions[name];
  if (question === undefined) {
    const known = Object.keys(world.questions);
    fail(
      [...path, "ask"],
      `no question ${quoted(name)}${didYouMean(name, known)}`,
      listed("questions", known),
    );
    return;
  }
  const { answers } = question;
  const known = listed("its answers", answers);
  for (const answer of Object.keys(mapAt(node["answers"]))) {
    if (!answers.includes(answer))
      fail([...path, "answers", answer], `the question has no answer ${quoted(answer)}`, known);
  }
  for (const [key, answer] of [
    ["then", "yes"],
    ["else", "no"],
  ] as const) {
    if (node[key] === undefined) continue;
    if (!answers.includes(answer))
      fail(
        [...path, key],
        `the question has no answer ${quoted(answer)}`,
        `answers: with ${answers.join(", ")}`,
      );
    else if (mapAt(node["answers"])[answer] !== undefined)
      fail([...path, key], `${quoted(answer)} stands in answers, too`, "remove one of the two");
  }
}
