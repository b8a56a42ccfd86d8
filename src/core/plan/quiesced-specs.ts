import type { StepSpec } from "../driver.js";
import { reachable, type Uses } from "./uses.js";

/**
 * Asks for each target's steps; then again for those who use a target that must be alone, since they have to stop
 * meanwhile, until nobody else has to.
 */
export function specsWithQuiesced(
  names: readonly string[],
  users: Uses,
  specsOf: (name: string, quiesce: boolean) => readonly StepSpec[],
): Map<string, readonly StepSpec[]> {
  const specs = new Map(names.map((name) => [name, specsOf(name, false)]));
  const quiesced = new Set<string>();
  for (;;) {
    const alone = names.filter((name) => specs.get(name)?.some((spec) => spec.exclusive));
    const letGo = reachable(alone, users);
    const more = names.filter((name) => letGo.has(name) && !quiesced.has(name));
    if (more.length === 0) return specs;
    for (const name of more) {
      quiesced.add(name);
      specs.set(name, specsOf(name, true));
    }
  }
}
