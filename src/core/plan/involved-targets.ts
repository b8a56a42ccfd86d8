import type { TargetDriver } from "../driver.js";
import type { Playbook, ScenarioDefinition } from "../playbook/playbook.js";
import { reachable, reverse, type Uses, usesOf } from "./uses.js";

/**
 * Targets that a plan of this scenario has to look at: those it names, and all who use one that is restored. Left out is who
 * would only be stopped meanwhile, where restored targets are other ways back to the very same things and stop for the same
 * reasons: they would work against each other. Without its driver nobody is known to be such a one.
 */
export function involvedTargets(
  playbook: Pick<Playbook, "targets">,
  { restore, restart }: Pick<ScenarioDefinition, "restore" | "restart">,
  drivers: ReadonlyMap<string, TargetDriver>,
): string[] {
  const uses = usesOf(playbook);
  const named = new Set([...restore, ...restart]);
  const users = [...reachable(restore, reverse(uses))].filter((name) => !named.has(name));
  const involved = new Set([...named, ...users]);
  if (users.length > 0) {
    const isLeftOut = replaced(playbook, uses, restore, drivers);
    for (const name of users) if (isLeftOut(name)) involved.delete(name);
  }
  return Object.keys(playbook.targets).filter((name) => involved.has(name));
}

function replaced(
  playbook: Pick<Playbook, "targets">,
  uses: Uses,
  restore: readonly string[],
  drivers: ReadonlyMap<string, TargetDriver>,
): (name: string) => boolean {
  const restored = new Set(restore);
  const reasonsOf = (name: string): string[] =>
    [...reachable([name], uses)].filter((one) => restored.has(one));
  const ways = new Map<string, ReadonlySet<string>[]>();
  for (const name of restore) {
    const reasons = new Set(reasonsOf(name));
    for (const thing of thingsOf(playbook, name, drivers))
      ways.set(thing, [...(ways.get(thing) ?? []), reasons]);
  }
  return (name) => {
    const things = thingsOf(playbook, name, drivers);
    const reasons = reasonsOf(name);
    const goesBack = (thing: string): boolean =>
      ways.get(thing)?.some((way) => reasons.every((one) => way.has(one))) ?? false;
    return things.length > 0 && things.every(goesBack);
  };
}

/** What a target is over, whichever way it goes back. */
function thingsOf(
  playbook: Pick<Playbook, "targets">,
  name: string,
  drivers: ReadonlyMap<string, TargetDriver>,
): string[] {
  const target = playbook.targets[name];
  const driver = target && drivers.get(target.driver);
  const options = driver?.options.safeParse(target?.with);
  if (driver?.claims === undefined || options?.success !== true) return [];
  return driver.claims(options.data, (path) => path).map((claim) => claim.split(", ")[0] ?? claim);
}
