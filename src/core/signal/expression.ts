import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { expensiveParts, expressionLimits } from "./expression-cost.js";
import type { ExpressionProblem } from "./expression-problem.js";
import {
  type ConditionInput,
  isWindowFunction,
  registerWindowFunctions,
  type Slot,
  usageOf,
} from "./window-functions.js";

export type VariableType = "double" | "bool" | "string";
export type ExpressionValue = number | boolean | string;

/** A condition. */
export interface Expression {
  readonly text: string;
  /** The variables that it uses. */
  readonly variables: readonly string[];
  /** What it takes from the past of signals, in the order of the text. */
  readonly inputs: readonly ConditionInput[];
  readonly ast: ASTNode;
  /**
   * Throws where the values do not allow an answer, for example on a division by zero. All `variables` must be given, and
   * a number for each of `inputs`.
   */
  evaluate(values: Values, inputs?: readonly number[]): boolean;
}

type Values = Readonly<Record<string, ExpressionValue>> | ReadonlyMap<string, ExpressionValue>;

export type Compiled =
  | { readonly expression: Expression }
  | { readonly problems: readonly ExpressionProblem[] };

type Variables = Readonly<Record<string, VariableType>>;

const arithmetic: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

const limits = {
  maxAstNodes: expressionLimits.nodes,
  maxDepth: expressionLimits.depth,
  maxListElements: expressionLimits.listElements,
  maxMapEntries: expressionLimits.listElements,
};

/** CEL keeps `int` and `double` apart; nobody should have to write `error_rate * 100.0` at night. */
function forgiving(): Environment {
  const environment = new Environment({ limits });
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
/** What the parser has met since the last expression began. */
let met: Slot[] = [];

/** What all expressions over the same variables share: making it for each would cost ten times as much. */
interface Shared {
  readonly environment: Environment;
  /** Those of the variables that have occurred: a playbook may have a thousand, and few of them in each expression. */
  readonly registered: Set<string>;
  readonly compiled: Map<string, Compiled>;
}

const ofSignals = new WeakMap<Variables, Shared>();
const ofOthers = new WeakMap<Variables, Shared>();

function sharedBy(variables: Variables, kind: "signals" | undefined): Shared {
  const all = kind === undefined ? ofOthers : ofSignals;
  const known = all.get(variables);
  if (known !== undefined) return known;
  base ??= forgiving();
  const environment = base.clone();
  if (kind === "signals") registerWindowFunctions(environment, (slot) => met.push(slot));
  const made = { environment, registered: new Set<string>(), compiled: new Map<string, Compiled>() };
  all.set(variables, made);
  return made;
}

function registerVariablesOf(text: string, variables: Variables, { environment, registered }: Shared): void {
  for (const word of text.match(/[A-Za-z_]\w*/g) ?? []) {
    const type = Object.hasOwn(variables, word) ? variables[word] : undefined;
    if (type === undefined || registered.has(word)) continue;
    environment.registerVariable(word, type);
    registered.add(word);
  }
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

/** A function that does not exist, or one of ours with other arguments than it takes. */
function misusedFunction(
  environment: Environment,
  text: string,
  { code, message, offset }: ReturnType<typeof explain>,
): ExpressionProblem {
  const name = /^[A-Za-z_]\w*/.exec(text.slice(offset))?.[0];
  if (
    code !== "no_matching_overload" ||
    name === undefined ||
    !/^\s*\(/.test(text.slice(offset + name.length))
  )
    return { message, offset };
  if (isWindowFunction(name)) return { message: `${name} is written ${usageOf(name)}`, offset };
  const functions = [
    ...new Set(
      environment.getDefinitions().functions.flatMap((one) => (one.receiverType === null ? [one.name] : [])),
    ),
  ];
  if (functions.includes(name)) return { message, offset };
  return { message: `unknown function "${name}"`, offset, unknown: name, functions };
}

/**
 * CEL text → a condition over the variables, or every reason why it is none. Never throws. Keep the object of the variables
 * for all conditions over them. `signals`: that is what they are; the functions over their past may be used.
 */
export function compileExpression(text: string, variables: Variables, kind?: "signals"): Compiled {
  const shared = sharedBy(variables, kind);
  const known = shared.compiled.get(text);
  if (known !== undefined) return known;
  const compiled = compile(text, variables, shared);
  shared.compiled.set(text, compiled);
  return compiled;
}

function compile(text: string, variables: Variables, shared: Shared): Compiled {
  const unknown: ExpressionProblem[] = [];
  if (text.length > expressionLimits.characters) {
    const most = expressionLimits.characters;
    return { problems: [{ message: `this has more than ${most} characters`, offset: most }] };
  }
  try {
    registerVariablesOf(text, variables, shared);
    let { environment } = shared;
    met = [];
    const parsed = environment.parse(text);
    const slots = met;
    let checked = parsed.check();
    while (!checked.valid && unknown.length < mostUnknown) {
      const failure = explain(checked.error);
      const { code, offset } = failure;
      const name = /^[A-Za-z_]\w*/.exec(text.slice(offset))?.[0];
      if (code !== "unknown_variable" || name === undefined || environment.hasVariable(name)) {
        unknown.push(misusedFunction(environment, text, failure));
        break;
      }
      unknown.push({ message: `unknown name "${name}"`, offset, unknown: name });
      environment = environment.clone().registerVariable(name, "dyn");
      checked = environment.parse(text).check();
    }
    if (unknown.length > 0) return { problems: unknown };
    if (checked.type !== "bool") {
      return { problems: [{ message: `this yields ${checked.type}, not true or false`, offset: 0 }] };
    }
    const expensive = expensiveParts(parsed.ast);
    if (expensive.length > 0) return { problems: expensive };
    const names = new Set<string>();
    namesIn(parsed.ast, names);
    return {
      expression: {
        text,
        variables: [...names].filter((name) => Object.hasOwn(variables, name)),
        inputs: slots.map(({ input }) => input),
        ast: parsed.ast,
        evaluate: (values, inputs = []) => {
          for (const [index, slot] of slots.entries()) slot.value = inputs[index] ?? Number.NaN;
          return parsed(values) === true;
        },
      },
    };
  } catch (error) {
    const { message, offset } = explain(error);
    return { problems: [...unknown, { message, offset }] };
  }
}
