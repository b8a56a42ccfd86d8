import type { DecisionNode, ResponseClass } from "./decision-node.js";
import type { DecisionRule } from "./playbook.js";
import type { Level } from "./schema-judging.js";

/** What is done about something: one of some ways back, or words. */
export interface Action {
  readonly scenarios: readonly string[];
  readonly mode: string | undefined;
  readonly say: string | undefined;
  /** How fast it has to be. */
  readonly class: ResponseClass | undefined;
}

export interface Named {
  /** Triggers, levels, `verdict`. */
  readonly words: ReadonlySet<string>;
  /** Nothing else has to hold. */
  readonly alone: boolean;
  /** A person has a word in it. */
  readonly asked: boolean;
  readonly action: Action;
}

/** Every end of the rules and trees, in their order, with the names in the condition right above it. */
export function namedActions(decisions: readonly DecisionRule[]): readonly Named[] {
  const found: Named[] = [];
  for (const rule of decisions) collect(rule, namesIn(rule.when ?? ""), found);
  return found;
}

/** The first of them that names the trigger, or its level beside `verdict`. */
export const actionOf = (
  { name, level }: { readonly name: string; readonly level: Level },
  actions: readonly Named[],
  which: (one: Named) => boolean,
): Action | undefined =>
  actions.find((one) => {
    const { words } = one;
    return (words.has(name) || (words.has("verdict") && words.has(level))) && which(one);
  })?.action;

export function actionText({ scenarios, mode, say }: Action): string {
  if (scenarios.length === 0) return `the words ${JSON.stringify(say)}`;
  return `${scenarios.map((one) => JSON.stringify(one)).join(" or ")} (${mode})`;
}

type Names = Pick<Named, "words" | "alone" | "asked">;

const nothing: Names = { words: new Set(), alone: false, asked: false };

function namesIn(condition: string): Names {
  // What must not fire leads nowhere.
  const words = new Set(condition.match(/(?<![!\w])\w+/g));
  return { words, alone: !/&&|!(?!=)|\?/.test(condition), asked: false };
}

function collect(node: DecisionNode, names: Names, found: Named[]): void {
  const { scenario, mode, say, answers = {} } = node;
  if (node.if !== undefined) {
    const { asked } = names;
    if (node.then !== undefined) collect(node.then, { ...namesIn(node.if), asked }, found);
    if (node.else !== undefined) collect(node.else, { ...nothing, asked }, found);
    return;
  }
  const inner = [node.then, node.else, ...Object.values(answers)].filter((one) => one !== undefined);
  const asked = names.asked || node.ask !== undefined;
  for (const one of inner) collect(one, { ...names, asked }, found);
  const scenarios = scenario === undefined ? [] : [scenario].flat();
  if (scenarios.length > 0 || say !== undefined)
    found.push({ ...names, action: { scenarios, mode, say, class: node.class } });
}
