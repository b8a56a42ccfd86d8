import { type ASTNode, Environment } from "@marcbachmann/cel-js";

export type VariableType = "double" | "bool" | "string";
export type ExpressionValue = number | boolean | string;

/** A condition. */
export interface Expression {
  readonly text: string;
  /** The variables that it uses. */
  readonly variables: readonly string[];
  /** Throws where the values do not allow an answer, for example on a division by zero. All `variables` must be given. */
  evaluate(values: Readonly<Record<string, ExpressionValue>>): boolean;
}

export interface ExpressionProblem {
  readonly message: string;
  /** In the text, from 0. */
  readonly offset: number;
  /** The name that stands for nothing, where that is the problem. */
  readonly unknown?: string;
}

export type Compiled =
  | { readonly expression: Expression }
  | { readonly problems: readonly ExpressionProblem[] };

const arithmetic: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

/** CEL keeps `int` and `double` apart; nobody should have to write `error_rate * 100.0` at night. */
function forgiving(): Environment {
  const environment = new Environment();
  for (const [sign, operate] of Object.entries(arithmetic)) {
    const mixed = (a: unknown, b: unknown) => operate(Number(a), Number(b));
    environment
      .registerOperator(`double ${sign} int`, mixed)
      .registerOperator(`int ${sign} double: double`, mixed);
  }
  environment.registerOperator("double == int", (a: unknown, b: unknown) => Number(a) === Number(b));
  environment.registerOperator("double in list<int>", (a: unknown, list: Iterable<unknown>) =>
    [...list].some((one) => Number(one) === a),
  );
  return environment;
}

let base: Environment | undefined;

function environmentWith(text: string, variables: Readonly<Record<string, VariableType>>): Environment {
  base ??= forgiving();
  const environment = base.clone();
  // Only those that can occur: a playbook may have a thousand signals and a thousand expressions.
  for (const word of new Set(text.match(/[A-Za-z_]\w*/g))) {
    const type = Object.hasOwn(variables, word) ? variables[word] : undefined;
    if (type !== undefined) environment.registerVariable(word, type);
  }
  return environment;
}

interface CelFailure {
  readonly code?: unknown;
  readonly summary?: unknown;
  readonly range?: { readonly start?: unknown };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function explain(error: unknown): ExpressionProblem & { readonly code: unknown } {
  const { code, summary, range } = (error ?? {}) as CelFailure;
  const fallback = error instanceof RangeError ? "the expression nests too deeply" : messageOf(error);
  const message = typeof summary === "string" ? summary : fallback;
  return { code, message, offset: typeof range?.start === "number" ? range.start : 0 };
}

function namesIn(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) for (const one of node) namesIn(one, names);
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return;
  if (node.op === "id" && typeof node.args === "string") names.add(node.args);
  else namesIn(node.args, names);
}

/** At most this many unknown names of one expression are told at once. */
const mostUnknown = 20;

/** CEL text → a condition over the variables, or every reason why it is none. Never throws. */
export function compileExpression(text: string, variables: Readonly<Record<string, VariableType>>): Compiled {
  const unknown: ExpressionProblem[] = [];
  try {
    const environment = environmentWith(text, variables);
    const parsed = environment.parse(text);
    let checked = parsed.check();
    while (!checked.valid && unknown.length < mostUnknown) {
      const { code, message, offset } = explain(checked.error);
      const name = /^[A-Za-z_]\w*/.exec(text.slice(offset))?.[0];
      if (code !== "unknown_variable" || name === undefined || environment.hasVariable(name)) {
        unknown.push({ message, offset });
        break;
      }
      unknown.push({ message: `unknown name "${name}"`, offset, unknown: name });
      environment.registerVariable(name, "dyn");
      checked = environment.parse(text).check();
    }
    if (unknown.length > 0) return { problems: unknown };
    if (checked.type !== "bool") {
      return { problems: [{ message: `this yields ${checked.type}, not true or false`, offset: 0 }] };
    }
    const names = new Set<string>();
    namesIn(parsed.ast satisfies ASTNode, names);
    return {
      expression: {
        text,
        variables: [...names].filter((name) => Object.hasOwn(variables, name)),
        evaluate: (values) => parsed(values) === true,
      },
    };
  } catch (error) {
    const { message, offset } = explain(error);
    return { problems: [...unknown, { message, offset }] };
  }
}
