import type { Expression } from "./expression.js";
import { both, either, isWithin, outside, type ValueSet, valuesThat } from "./value-set.js";

/** What a condition says about one quantity: a signal, or a function over one. */
export interface ConditionValues {
  /** `errors`, `avg(errors, 5m)`, `p95 / baseline(p95)`. */
  readonly quantity: string;
  /** Where the quantity is the signal's own value: its name. */
  readonly signal: string | undefined;
  /** Where it is a function over one signal. */
  readonly over: OverSignal | undefined;
  /** At which values it holds. */
  readonly values: ValueSet;
}

export interface OverSignal {
  readonly function: string;
  readonly signal: string;
  /** As it is written: `5m`. */
  readonly window: string;
}

interface Node {
  readonly op: string;
  readonly args: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;
const argsOf = ({ args }: Node): readonly unknown[] => (Array.isArray(args) ? (args as unknown[]) : [args]);

/**
 * Conditions made of comparisons of one and the same quantity with numbers, joined by `&&`, `||` and `!`. Nothing for any
 * other: two signals, arithmetic beyond a factor, `in`, `?:`, macros.
 */
export const conditionValues = ({ ast }: Expression): ConditionValues | undefined => valuesOf(ast);

/** Its parts of one quantity each, as large as they come, whatever joins them. */
export const conditionParts = ({ ast }: Expression): ConditionValues[] => partsOf(ast);

function partsOf(node: unknown): ConditionValues[] {
  const found = valuesOf(node);
  if (found !== undefined || !isNode(node)) return found === undefined ? [] : [found];
  return node.op === "&&" || node.op === "||" || node.op === "!_" ? argsOf(node).flatMap(partsOf) : [];
}

/** Whether it holds at none or at all of the values that each quantity can have, and for which part that is so. */
export const constantOf = (
  { ast }: Expression,
  possible: (part: ConditionValues) => ValueSet,
): Constant | undefined => constantNode(ast, possible);

export interface Constant {
  readonly holds: boolean;
  readonly part: ConditionValues;
}

function constantNode(node: unknown, possible: (part: ConditionValues) => ValueSet): Constant | undefined {
  const part = valuesOf(node);
  if (part !== undefined) {
    const all = possible(part);
    if (both(part.values, all).length === 0) return { holds: false, part };
    return isWithin(all, part.values) ? { holds: true, part } : undefined;
  }
  if (!isNode(node) || !["&&", "||", "!_"].includes(node.op)) return undefined;
  const [left, right] = argsOf(node).map((one) => constantNode(one, possible));
  if (node.op === "!_") return left && { ...left, holds: !left.holds };
  // One is enough to make `&&` false and `||` true; the other way round takes both.
  const decisive = node.op === "||";
  const deciding = [left, right].find((one) => one?.holds === decisive);
  return deciding ?? (left !== undefined && right !== undefined ? left : undefined);
}

function valuesOf(node: unknown): ConditionValues | undefined {
  if (!isNode(node)) return undefined;
  const [left, right] = argsOf(node);
  if (node.op === "!_") {
    const inner = valuesOf(left);
    return inner && { ...inner, values: outside(inner.values) };
  }
  if (node.op !== "&&" && node.op !== "||") return comparison(node.op, left, right);
  const [a, b] = [valuesOf(left), valuesOf(right)];
  if (a === undefined || b === undefined || a.quantity !== b.quantity) return undefined;
  return { ...a, values: (node.op === "&&" ? both : either)(a.values, b.values) };
}

const turned: Record<string, string> = { ">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!=" };

function comparison(sign: string, left: unknown, right: unknown): ConditionValues | undefined {
  if (!Object.hasOwn(turned, sign)) return undefined;
  const leftNumber = numberOf(left);
  if (leftNumber !== undefined) return compared(turned[sign] ?? sign, right, leftNumber);
  const rightNumber = numberOf(right);
  if (rightNumber !== undefined) return compared(sign, left, rightNumber);
  const [measured, limit] = [scaled(left), scaled(right)];
  if (measured === undefined || limit === undefined || !limit.quantity.startsWith("baseline("))
    return undefined;
  const values = valuesThat(sign, limit.factor / measured.factor);
  const quantity = `${measured.quantity} / ${limit.quantity}`;
  return values && { quantity, signal: undefined, over: undefined, values };
}

function compared(sign: string, side: unknown, number: number): ConditionValues | undefined {
  const found = scaled(side);
  if (found === undefined) return undefined;
  const values = valuesThat(sign, number / found.factor);
  return values && { quantity: found.quantity, signal: found.signal, over: found.over, values };
}

interface Scaled {
  readonly quantity: string;
  readonly signal: string | undefined;
  readonly over: OverSignal | undefined;
  /** Above zero. */
  readonly factor: number;
}

function scaled(node: unknown): Scaled | undefined {
  if (!isNode(node)) return undefined;
  const [left, right] = argsOf(node);
  if (node.op === "id" && typeof node.args === "string")
    return { quantity: node.args, signal: node.args, over: undefined, factor: 1 };
  if (node.op === "call" && typeof left === "string" && Array.isArray(right)) {
    const words = right.map((one) => (isNode(one) ? String(one.args) : ""));
    const over = { function: left, signal: words[0] ?? "", window: words.at(-1) ?? "" };
    return { quantity: `${left}(${words.join(", ")})`, signal: undefined, over, factor: 1 };
  }
  const [factor, inner] =
    node.op === "*" && numberOf(left) !== undefined ? [numberOf(left), right] : [numberOf(right), left];
  if ((node.op !== "*" && node.op !== "/") || factor === undefined || factor <= 0) return undefined;
  const found = scaled(inner);
  return found && { ...found, factor: node.op === "*" ? found.factor * factor : found.factor / factor };
}

function numberOf(node: unknown): number | undefined {
  if (!isNode(node)) return undefined;
  const { op, args } = node;
  if (op === "value") return typeof args === "number" || typeof args === "bigint" ? Number(args) : undefined;
  const [left, right] = argsOf(node).map(numberOf);
  if (left === undefined) return undefined;
  if (op === "-_") return -left;
  if (right === undefined) return undefined;
  if (op === "+") return left + right;
  if (op === "-") return left - right;
  if (op === "*") return left * right;
  return op === "/" && right !== 0 ? left / right : undefined;
}
