import type { Playbook } from "../playbook/playbook.js";
import type { Expression } from "./expression.js";
import { staleAfter } from "./sample.js";
import type { TriggerState } from "./trigger-state.js";

/** What one moment says about a condition. */
export type Finding = { readonly held: boolean } | { readonly noData: string } | { readonly notYet: string };

/** What is known of the signals. */
export type World = Pick<TriggerState, "begun" | "latest">;

/** Whether the condition holds on what is known at that moment, or why nobody can say. */
export function findingAt(
  expression: Expression,
  signals: Playbook["signals"],
  world: World,
  at: number,
): Finding {
  const values: Record<string, number> = {};
  for (const name of expression.variables) {
    const definition = signals[name];
    if (definition === undefined) return { noData: `there is no signal "${name}"` };
    const sample = world.latest[name];
    const limit = staleAfter(definition);
    if (sample === undefined) {
      const fact = `"${name}" has not been measured`;
      return at < world.begun + limit ? { notYet: `${fact} yet` } : { noData: fact };
    }
    if (at >= sample.at + limit) return { noData: `"${name}" was last measured ${at - sample.at} ms ago` };
    if (sample.error !== undefined) return { noData: `"${name}" could not be measured: ${sample.error}` };
    if (!Number.isFinite(sample.value)) return { noData: `"${name}" has no value` };
    values[name] = sample.value ?? Number.NaN;
  }
  try {
    return { held: expression.evaluate(values) };
  } catch (error) {
    return {
      noData: `the condition has no answer: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
