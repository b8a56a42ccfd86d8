import type { ExpressionProblem } from "./expression-problem.js";

/** What an expression may be at most: CEL has no loops, but its macros multiply when they nest. */
export const expressionLimits = {
  characters: 10_000,
  nodes: 2_000,
  depth: 100,
  listElements: 200,
} as const;

const macros = new Set(["all", "exists", "exists_one", "map", "filter", "bind"]);

interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly start?: number;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

/** Why evaluating it might take for ever, or nothing. */
export function expensiveParts(ast: unknown): ExpressionProblem[] {
  const problems: ExpressionProblem[] = [];
  const visit = (value: unknown, within: string | undefined): void => {
    if (Array.isArray(value)) for (const one of value) visit(one, within);
    if (!isNode(value)) return;
    const called = value.op === "rcall" && Array.isArray(value.args) ? String(value.args[0]) : undefined;
    const offset = value.start ?? 0;
    if (called === "matches") {
      problems.push({ message: "a regular expression may take for ever; compare with == or in", offset });
    }
    const macro = called !== undefined && macros.has(called) ? called : undefined;
    if (macro !== undefined && within !== undefined) {
      problems.push({ message: `"${macro}" within "${within}" multiplies the work; write it out`, offset });
      return;
    }
    visit(value.args, macro ?? within);
  };
  visit(ast, undefined);
  return problems;
}
