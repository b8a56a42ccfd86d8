import type { Json, JsonObject } from "../json.js";
import { cycles } from "./cycles.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt, textAt, textsAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

/** Every name that stands for something else of the playbook. Looks leniently, so that it can look at any playbook. */
export function checkReferences(tree: JsonObject, list: ProblemList): void {
  const targets = new Set(Object.keys(mapAt(tree["targets"])));
  const checks = new Set(Object.keys(mapAt(tree["checks"])));
  const scenarios = new Set(Object.keys(mapAt(tree["scenarios"])));

  const known = (what: string, names: ReadonlySet<string>, name: string, path: Path) => {
    if (names.has(name)) return true;
    list.error(path, `no ${what} ${quoted(name)}${didYouMean(name, names)}`, listed(`${what}s`, names));
    return false;
  };
  const eachKnown = (what: string, names: ReadonlySet<string>, value: Json | undefined, path: Path) => {
    for (const [index, name] of textsAt(value)) known(what, names, name, [...path, index]);
  };
  const circles = (
    edges: ReadonlyMap<string, readonly string[]>,
    pathOf: (name: string) => Path,
    fact: string,
  ) => {
    for (const circle of cycles(edges)) {
      const [first = ""] = circle;
      list.error(pathOf(first), `${fact}: ${[...circle, first].join(" → ")}`, "remove one of these");
    }
  };

  const uses = new Map<string, string[]>();
  for (const [name, target] of entriesAt(tree["targets"])) {
    const others: string[] = [];
    for (const [index, other] of textsAt(target["uses"])) {
      const path = ["targets", name, "uses", index];
      if (other === name) list.error(path, `${quoted(name)} uses itself`, "remove it");
      else if (known("target", targets, other, path)) others.push(other);
    }
    uses.set(name, others);
  }
  circles(uses, (name) => ["targets", name, "uses"], "targets use each other in a circle");

  for (const [name, change] of entriesAt(tree["changes"])) {
    const path = ["changes", name];
    const touched = new Set(textsAt(change["targets"]).map(([, target]) => target));
    eachKnown("target", targets, change["targets"], [...path, "targets"]);
    for (const kept of Object.keys(mapAt(change["keep"]))) {
      if (touched.has(kept)) continue;
      const fact = targets.has(kept) ? "the change does not touch the target" : "no target";
      list.error(
        [...path, "keep", kept],
        `${fact} ${quoted(kept)}${didYouMean(kept, touched)}`,
        listed("its targets", touched),
        { part: "key" },
      );
    }
  }

  const fallbacks = new Map<string, string[]>();
  for (const [name, scenario] of entriesAt(tree["scenarios"])) {
    const path = ["scenarios", name];
    eachKnown("target", targets, scenario["restore"], [...path, "restore"]);
    eachKnown("target", targets, scenario["restart"], [...path, "restart"]);
    eachKnown("check", checks, scenario["checks"], [...path, "checks"]);
    const fallback = textAt(scenario["fallback"]);
    if (fallback !== undefined && known("scenario", scenarios, fallback, [...path, "fallback"])) {
      fallbacks.set(name, [fallback]);
    }
    if (isEmpty(scenario["restore"]) && isEmpty(scenario["restart"])) {
      const hint = `name its targets: restore: [${[...targets].slice(0, 3).join(", ")}]`;
      list.error(path, "the scenario has nothing to do", hint, { part: "key" });
    }
  }
  circles(
    fallbacks,
    (name) => ["scenarios", name, "fallback"],
    "scenarios fall back on each other in a circle",
  );

  for (const [name, signal] of entriesAt(tree["signals"])) {
    const of = textAt(signal["of"]);
    if (of !== undefined) known("target", targets, of, ["signals", name, "of"]);
  }
}

const isEmpty = (value: Json | undefined) =>
  value === undefined || (Array.isArray(value) && value.length === 0);

/** Made where the playbook has no scenarios: brings every target back. */
export const defaultScenario = "all";
