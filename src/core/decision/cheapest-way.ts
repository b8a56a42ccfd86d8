import type { Playbook, ScenarioDefinition } from "../playbook/playbook.js";
import { strategies } from "../playbook/schema.js";
import type { Guards } from "./guards.js";

export interface ChosenWay {
  readonly scenario: string;
  /** Why this one of several; absent where there was no choice. */
  readonly because?: string;
}

const cost = ({ strategy }: ScenarioDefinition): number => strategies.indexOf(strategy);

/**
 * The cheapest of the scenarios: by strategy, then by the time promised, then in the order written. One that leads nowhere, or
 * that was tried within the cool-down and did not help, is passed over while there is another.
 */
export function cheapestWay(
  { scenarios }: Pick<Playbook, "scenarios">,
  names: readonly string[],
  { blocked, last, coolDownMs }: Pick<Guards, "blocked" | "last" | "coolDownMs">,
  now: number,
): ChosenWay {
  const [first = "", ...others] = names;
  if (others.length === 0) return { scenario: first };
  const sorted = names
    .flatMap((name) => (scenarios[name] === undefined ? [] : [{ name, definition: scenarios[name] }]))
    .toSorted(
      (a, b) =>
        cost(a.definition) - cost(b.definition) ||
        (a.definition.promised ?? Number.POSITIVE_INFINITY) -
          (b.definition.promised ?? Number.POSITIVE_INFINITY) ||
        0,
    );
  const passed: string[] = [];
  for (const { name, definition } of sorted) {
    const tried =
      last?.scenario === name && now < last.endedAt + coolDownMs
        ? `it was tried by ${last.run} and it is bad again`
        : undefined;
    const against = blocked[name]?.why ?? tried;
    if (against !== undefined) {
      passed.push(`"${name}" would be cheaper, but ${against}`);
      continue;
    }
    const fact = `"${name}" (${definition.strategy}) is the cheapest of ${sorted.map((one) => one.name).join(", ")}`;
    return { scenario: name, because: [fact, ...passed].join("; ") };
  }
  const [cheapest] = sorted;
  return { scenario: cheapest?.name ?? first, because: passed.join("; ") };
}
