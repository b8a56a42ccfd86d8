import type { JsonObject } from "../json.js";
import type { SignalVariables } from "../signal/compile-triggers.js";
import type { VariableType } from "../signal/expression.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt, textAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

/** The conditions of triggers; gives what they are compiled with. The expression library is loaded only where there is one. */
export async function checkExpressions(
  tree: JsonObject,
  list: ProblemList,
): Promise<SignalVariables | undefined> {
  const triggers = entriesAt(tree["triggers"]);
  if (triggers.length === 0) return undefined;
  const { compileExpression } = await import("../signal/expression.js");
  const { signalVariables } = await import("../signal/compile-triggers.js");
  const { windowFunctions } = await import("../signal/window-functions.js");

  /** The names that the condition uses; undefined where it is no condition. */
  function namesIn(
    text: string | undefined,
    path: Path,
    variables: Readonly<Record<string, VariableType>>,
    choices: string,
    kind?: "signals",
  ): readonly string[] | undefined {
    if (text === undefined || text === "" || list.failed(path)) return undefined;
    const compiled = compileExpression(text, variables, kind);
    if ("expression" in compiled) return compiled.expression.variables;
    for (const { message, offset, unknown, functions } of compiled.problems) {
      const near = unknown === undefined ? "" : didYouMean(unknown, functions ?? Object.keys(variables));
      const hint = functions === undefined ? choices : listed("functions", windowFunctions);
      list.error(path, `${quoted(text)}: ${message}${near}`, unknown === undefined ? undefined : hint, {
        inside: { text, offset },
      });
    }
    return undefined;
  }

  const signals = Object.keys(mapAt(tree["signals"]));
  const measured = signalVariables(signals);
  const ofSignals = listed("signals", signals);
  for (const [name, trigger] of triggers) {
    const path = ["triggers", name, "when"];
    const used = namesIn(textAt(trigger["when"]), path, measured, ofSignals, "signals");
    if (used?.length === 0) list.error(path, "the trigger looks at no signal", ofSignals);
    const clear = textAt(mapAt(trigger["clear"])["when"]);
    namesIn(clear, ["triggers", name, "clear", "when"], measured, ofSignals, "signals");
    const counter = textAt(mapAt(trigger["min_requests"])["of"]);
    if (counter !== undefined && !Object.hasOwn(measured, counter)) {
      const at = ["triggers", name, "min_requests", "of"];
      list.error(at, `there is no signal ${quoted(counter)}${didYouMean(counter, signals)}`, ofSignals);
    }
  }
  return measured;
}
