import type { JsonObject } from "../json.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt } from "./tree.js";
import type { ProblemList } from "./where.js";

export type Variables = ReadonlyMap<string, string | number | boolean>;

export interface ChosenEnvironment {
  readonly environment: string;
  readonly environments: readonly string[];
  /** Those of the file, overridden by those of the environment. */
  readonly variables: Variables;
}

function choose(tree: JsonObject, wanted: string | undefined, list: ProblemList): string | undefined {
  const all = entriesAt(tree["environments"]);
  const names = all.map(([name]) => name);
  const choices = listed("environments", names);
  if (names.length === 0) {
    if (wanted === undefined || wanted === "default") return "default";
    list.error(
      [],
      `no environment ${quoted(wanted)}: the playbook names none`,
      "leave -e out, or add environments:",
    );
    return undefined;
  }
  const defaults = all.filter(([, entry]) => entry["default"] === true).map(([name]) => name);
  if (defaults.length > 1) {
    const both = defaults.map(quoted).join(" and ");
    list.error(["environments"], `${both} are both the default`, "keep default: true in one of them", {
      part: "key",
    });
  }
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    list.error(["environments"], `no environment ${quoted(wanted)}${didYouMean(wanted, names)}`, choices, {
      part: "key",
    });
    return undefined;
  }
  if (names.length === 1) return names[0];
  if (defaults.length === 0) {
    const hint = `name one: -e ${names.join(" or -e ")}; or set default: true in one of them`;
    list.error(["environments"], "which environment? There are several and none is the default", hint, {
      part: "key",
    });
  }
  return defaults[0];
}

/** Where none can be chosen, the first one stands in, so that everything else can still be looked at. */
export function chooseEnvironment(
  tree: JsonObject,
  wanted: string | undefined,
  list: ProblemList,
): ChosenEnvironment {
  const environments = Object.keys(mapAt(tree["environments"]));
  const environment = choose(tree, wanted, list) ?? environments[0] ?? "default";
  const own = mapAt(mapAt(mapAt(tree["environments"])[environment])["variables"]);
  const variables = new Map<string, string | number | boolean>();
  for (const [name, value] of [...Object.entries(mapAt(tree["variables"])), ...Object.entries(own)]) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      variables.set(name, value);
  }
  return { environment, environments: environments.length === 0 ? ["default"] : environments, variables };
}
