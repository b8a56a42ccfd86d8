import type { Level } from "../playbook/schema-judging.js";
import type { Condition, Truth, World } from "./condition.js";

/** A condition, and whether it has to hold. */
export interface Demand {
  readonly condition: Condition;
  readonly holds: boolean;
}

/** How many conditions may still be judged; shared by all questions of one analysis. */
export interface Effort {
  left: number;
}

/** An example; `none`: proven that there is none; `unproven`: it would have taken too long. */
export type FoundCase = World | "none" | "unproven";

/** What there is to be known: every trigger's level, and the names of the changes. */
export interface Facts {
  readonly triggers: Readonly<Record<string, Level>>;
  readonly changes: readonly string[];
}

interface Search {
  readonly names: readonly string[];
  readonly demands: readonly Demand[];
  readonly effort: Effort;
  /** Whether the verdict goes with the triggers in this case. */
  readonly fits: (world: World) => boolean;
}

const verdicts = ["RED", "YELLOW", "UNKNOWN", "GREEN"] as const;

/**
 * A case in which all demands are met, by trying one variable after the other and dropping what fails already. Each trigger
 * fires or does not, any change or none is out, and the verdict is RED only if a trigger of level RED fires, and so on.
 */
export function findCase(facts: Facts, demands: readonly Demand[], effort: Effort): FoundCase {
  const names = namesOf(demands);
  const world: Record<string, World[string]> = {};
  for (const name of names) world[name] = [false, true];
  if (names.includes("verdict")) world["verdict"] = verdicts;
  if (names.includes("change")) world["change"] = ["", ...facts.changes];
  const fits = names.includes("verdict") ? verdictRule(facts, names) : () => true;
  return search({ names, demands, effort, fits }, world);
}

/** What the condition comes to on what is known, where every possible case agrees. */
export function truthOf(condition: Condition, world: World): Truth {
  const truth = condition.judge(world);
  if (truth !== undefined) return truth;
  const one = (holds: boolean) =>
    search(
      {
        names: condition.variables,
        demands: [{ condition, holds }],
        effort: { left: 2_000 },
        fits: () => true,
      },
      Object.fromEntries(condition.variables.map((name) => [name, world[name] ?? []])),
    );
  if (one(false) === "none") return true;
  return one(true) === "none" ? false : undefined;
}

const namesOf = (demands: readonly Demand[]): string[] => {
  const names = [...new Set(demands.flatMap(({ condition }) => condition.variables))];
  // The verdict follows from the triggers: last, so that it is not tried in vain.
  return names.includes("verdict") ? [...names.filter((name) => name !== "verdict"), "verdict"] : names;
};

function search(question: Search, world: Record<string, World[string]>): FoundCase {
  const { names, demands, effort, fits } = question;
  const open: Demand[] = [];
  for (const demand of demands) {
    effort.left--;
    const truth = demand.condition.judge(world);
    if (truth === !demand.holds) return "none";
    if (truth === undefined) open.push(demand);
  }
  if (effort.left <= 0) return "unproven";
  if (!fits(world)) return "none";
  const next = names.find((name) => (world[name]?.length ?? 0) > 1);
  if (next === undefined) return open.length === 0 ? { ...world } : "none";
  const domain = world[next] ?? [];
  let unproven = false;
  for (const value of domain) {
    world[next] = [value];
    // What is met stays met, whatever else becomes known.
    const found = search({ ...question, demands: open }, world);
    if (typeof found === "object") return found;
    unproven ||= found === "unproven";
  }
  world[next] = domain;
  return unproven ? "unproven" : "none";
}

function verdictRule(facts: Facts, names: readonly string[]): (world: World) => boolean {
  const elsewhere = new Set(
    Object.entries(facts.triggers).flatMap(([name, level]) => (names.includes(name) ? [] : [level])),
  );
  return (world) => verdictFits(facts, elsewhere, world);
}

/** `elsewhere`: levels of triggers that no demand names. */
function verdictFits({ triggers }: Facts, elsewhere: ReadonlySet<Level>, world: World): boolean {
  const here = (level: Level, value: boolean) =>
    Object.entries(world).some(
      ([name, domain]) =>
        triggers[name] === level && (value ? domain.includes(true) : domain.every((one) => one === true)),
    );
  const may = (level: Level) => elsewhere.has(level) || here(level, true);
  const must = (level: Level) => here(level, false);
  return (world["verdict"] ?? []).some((verdict) => {
    if (verdict === "RED") return may("RED");
    if (must("RED")) return false;
    return verdict === "YELLOW" ? may("YELLOW") : !must("YELLOW");
  });
}

/** `errors && !slow, verdict "RED"`: a case in words. */
export function caseText(world: World): string {
  const words = Object.entries(world).flatMap(([name, [value]]) => {
    if (value === true) return [`${name} fires`];
    if (value === false) return [`${name} does not`];
    return [name === "change" && value === "" ? "no change is out" : `${name} is ${value}`];
  });
  return words.join(", ");
}
