import { type ASTNode, parse } from "@marcbachmann/cel-js";
import { compileExpression, type Expression, type VariableType } from "../signal/expression.js";

/** Name → every value that it may have. One value: it is known. */
export type World = Readonly<Record<string, readonly (boolean | string)[]>>;

/** `undefined`: it depends on what is not known. */
export type Truth = boolean | undefined;

/** A condition that can also be judged on what is known only in part. */
export interface Condition {
  readonly text: string;
  readonly variables: readonly string[];
  /** True and false are certain; `undefined` may still be the one or the other. */
  judge(world: World): Truth;
}

/** Throws TypeError where the text is no condition over the variables: a checked playbook has none such. */
export function compileCondition(
  text: string,
  variables: Readonly<Record<string, VariableType>>,
  at: string,
): Condition {
  const compiled = compileExpression(text, variables);
  if (!("expression" in compiled)) throw new TypeError(`${at}: ${compiled.problems[0]?.message}`);
  return conditionOf(compiled.expression);
}

const conditions = new WeakMap<Expression, Condition>();

export function conditionOf(expression: Expression): Condition {
  const known = conditions.get(expression);
  if (known !== undefined) return known;
  const { ast } = parse(expression.text);
  const made: Condition = {
    text: expression.text,
    variables: expression.variables,
    judge: (world) => judged(ast, world) ?? whole(expression, world),
  };
  conditions.set(expression, made);
  return made;
}

/** Where everything is known, the expression itself answers: it may use more of CEL than is looked into below. */
function whole(expression: Expression, world: World): Truth {
  const values: Record<string, boolean | string> = {};
  for (const name of expression.variables) {
    const [value, ...others] = world[name] ?? [];
    if (value === undefined || others.length > 0) return undefined;
    values[name] = value;
  }
  try {
    return expression.evaluate(values);
  } catch {
    return undefined;
  }
}

function judged(node: ASTNode, world: World): Truth {
  switch (node.op) {
    case "value":
      return typeof node.args === "boolean" ? node.args : undefined;
    case "id":
      return only(world[node.args], (value) => value === true);
    case "!_": {
      const inner = judged(node.args, world);
      return inner === undefined ? undefined : !inner;
    }
    case "&&":
      return every(node.args.map((one) => judged(one, world)));
    case "||": {
      const none = every(node.args.map((one) => negated(judged(one, world))));
      return negated(none);
    }
    case "==":
    case "!=":
      return compared(node.args, world, node.op === "==");
    case "in":
      return listed(node.args, world);
    default:
      return undefined;
  }
}

const negated = (truth: Truth): Truth => (truth === undefined ? undefined : !truth);

function every(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(undefined) ? undefined : true;
}

/** What all possible values agree on. */
function only(domain: World[string] | undefined, test: (value: boolean | string) => boolean): Truth {
  const [first, ...others] = (domain ?? []).map(test);
  return others.every((one) => one === first) ? first : undefined;
}

function compared([left, right]: [ASTNode, ASTNode], world: World, equal: boolean): Truth {
  const [variable, literal] = left.op === "id" ? [left, right] : [right, left];
  if (variable.op !== "id" || literal.op !== "value") return undefined;
  return only(world[variable.args], (value) => (value === literal.args) === equal);
}

function listed([variable, list]: [ASTNode, ASTNode], world: World): Truth {
  if (variable.op !== "id" || list.op !== "list") return undefined;
  const values = list.args.map((one) => (one.op === "value" ? one.args : undefined));
  return values.includes(undefined)
    ? undefined
    : only(world[variable.args], (value) => values.includes(value));
}
