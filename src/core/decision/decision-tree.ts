import type { DecisionNode } from "../playbook/decision-node.js";
import type { DecisionRule, Playbook, QuestionDefinition } from "../playbook/playbook.js";
import type { VariableType } from "../signal/expression.js";
import { type Condition, compileCondition } from "./condition.js";

/** What is decided with. */
export type Rules = Pick<Playbook, "decisions" | "questions" | "triggers" | "changes" | "scenarios">;

export type Branch =
  | { readonly kind: "end"; readonly at: string; readonly leaf: DecisionNode }
  | {
      readonly kind: "if";
      readonly at: string;
      readonly condition: Condition;
      readonly then: Branch | undefined;
      readonly else: Branch | undefined;
    }
  | {
      readonly kind: "ask";
      readonly at: string;
      readonly question: string;
      readonly definition: QuestionDefinition;
      readonly answers: ReadonlyMap<string, Branch | undefined>;
    };

export interface Rule {
  readonly at: string;
  /** Absent: it always holds. */
  readonly condition: Condition | undefined;
  readonly branch: Branch;
  readonly rule: DecisionRule;
}

const trees = new WeakMap<Rules["decisions"], readonly Rule[]>();

/** The rules in their order, conditions compiled: once for each playbook. */
export function decisionTree(rules: Rules): readonly Rule[] {
  const known = trees.get(rules.decisions);
  if (known !== undefined) return known;
  const variables = decisionVariables(Object.keys(rules.triggers));
  const made = rules.decisions.map((rule, index): Rule => {
    const at = `decisions[${index}]`;
    const condition =
      rule.when === undefined ? undefined : compileCondition(rule.when, variables, `${at}.when`);
    const inner = rule.then !== undefined && rule.if === undefined && rule.ask === undefined;
    const branch = inner
      ? branchOf(rule.then ?? {}, `${at}.then`, rules, variables)
      : branchOf(rule, at, rules, variables);
    return { at, condition, branch, rule };
  });
  trees.set(rules.decisions, made);
  return made;
}

/** What a condition of a decision may name. */
export const decisionVariables = (triggers: readonly string[]): Record<string, VariableType> => ({
  ...Object.fromEntries(triggers.map((name) => [name, "bool" as const])),
  verdict: "string",
  change: "string",
});

/** Of a question without `answers`. */
export const yesOrNo = ["yes", "no"] as const;

export function branchOf(
  node: DecisionNode,
  at: string,
  rules: Pick<Rules, "questions">,
  variables: Readonly<Record<string, VariableType>>,
): Branch {
  const inner = (one: DecisionNode | undefined, name: string) =>
    one === undefined ? undefined : branchOf(one, `${at}.${name}`, rules, variables);
  if (node.if !== undefined) {
    const condition = compileCondition(node.if, variables, `${at}.if`);
    return { kind: "if", at, condition, then: inner(node.then, "then"), else: inner(node.else, "else") };
  }
  if (node.ask === undefined) return { kind: "end", at, leaf: node };
  const definition = rules.questions?.[node.ask];
  if (definition === undefined) throw new TypeError(`${at}.ask: there is no question "${node.ask}"`);
  const answers = new Map(
    definition.answers.map((answer) => {
      const short = { yes: "then", no: "else" }[answer];
      const said = node.answers?.[answer];
      if (said !== undefined || short === undefined) return [answer, inner(said, `answers.${answer}`)];
      return [answer, inner(short === "then" ? node.then : node.else, short)];
    }),
  );
  return { kind: "ask", at, question: node.ask, definition, answers };
}
