import type { DecisionRule } from "../playbook/playbook.js";
import type { DecisionMode } from "../playbook/schema.js";
import { compileExpression, type Expression, type VariableType } from "../signal/expression.js";
import type { TriggerStatus } from "../signal/trigger-state.js";
import type { Verdict } from "../signal/verdict.js";

/** Why nothing may roll back by itself now. Absent means that nothing stands against it. */
export interface Guards {
  /** After a rollback: until when none may start by itself, milliseconds since the epoch. */
  readonly coolDownUntil?: number;
  /** The run that is under way. */
  readonly running?: string;
  /** Whether there is something to go back to. */
  readonly checkpoint: boolean;
}

export interface Recommendation {
  readonly scenario: string;
  readonly mode: DecisionMode;
  /** What the rule asked for, before the guards. */
  readonly asked: DecisionMode;
  /** The rule's own words, or its condition. */
  readonly why: string;
  /** Index of the rule in `decisions`. */
  readonly rule: number;
  /** The guards that turned `auto` into `approve`, in words. */
  readonly held: readonly string[];
  /** The statuses of the triggers that the rule looks at; for a rule over the verdict, its evidence. */
  readonly evidence: readonly TriggerStatus[];
}

export interface DecisionInput {
  readonly rules: readonly DecisionRule[];
  readonly statuses: readonly TriggerStatus[];
  readonly verdict: Verdict;
  readonly guards: Guards;
  readonly now: number;
}

function expressionOf(rule: DecisionRule, index: number, names: readonly string[]): Expression {
  const variables: Record<string, VariableType> = { verdict: "string" };
  for (const name of names) variables[name] = "bool";
  const compiled = compileExpression(rule.when, variables);
  if ("expression" in compiled) return compiled.expression;
  throw new TypeError(`decisions[${index}].when: ${compiled.problems[0]?.message}`);
}

function reasonsToAsk({ coolDownUntil, running, checkpoint }: Guards, now: number): string[] {
  const reasons: string[] = [];
  if (running !== undefined) reasons.push(`the rollback ${running} is running`);
  if (coolDownUntil !== undefined && now < coolDownUntil) {
    reasons.push(
      `a rollback ended a short while ago: cool-down until ${new Date(coolDownUntil).toISOString()}`,
    );
  }
  if (!checkpoint) reasons.push("there is no checkpoint to go back to");
  return reasons;
}

/** The first rule that holds, in the order of the playbook; nothing where none does. */
export function decide({ rules, statuses, verdict, guards, now }: DecisionInput): Recommendation | undefined {
  const values: Record<string, boolean | string> = { verdict: verdict.level };
  for (const { trigger, state } of statuses) values[trigger] = state === "firing";
  const names = statuses.map(({ trigger }) => trigger);
  for (const [index, rule] of rules.entries()) {
    const expression = expressionOf(rule, index, names);
    if (!expression.evaluate(values)) continue;
    const held = rule.mode === "auto" ? reasonsToAsk(guards, now) : [];
    const used = new Set(expression.variables);
    const evidence = new Set(statuses.filter(({ trigger }) => used.has(trigger)));
    if (used.has("verdict")) for (const status of verdict.evidence) evidence.add(status);
    return {
      scenario: rule.scenario,
      mode: held.length === 0 ? rule.mode : "approve",
      asked: rule.mode,
      why: rule.why ?? rule.when,
      rule: index,
      held,
      evidence: [...evidence],
    };
  }
  return undefined;
}
