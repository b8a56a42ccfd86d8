import type { DriverModule } from "../driver.js";
import type { JsonObject } from "../json.js";
import { addSchemaProblems } from "./schema-problems.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt, textAt } from "./tree.js";
import type { ProblemList } from "./where.js";

export interface Drivers {
  /** The drivers that the playbook uses, loaded. */
  readonly drivers: ReadonlyMap<string, DriverModule>;
  /** All that there are. */
  readonly knownDrivers: readonly string[];
  readonly resolvePath: (path: string) => string;
}

const sections = { targets: "target", signals: "signal", checks: "check" } as const;
type Role = (typeof sections)[keyof typeof sections];

const article = (role: Role) => `a ${role}`;

function rolesOf(module: DriverModule): string {
  const roles = Object.values(sections).filter((role) => module[role] !== undefined);
  return roles.map(article).join(" or ");
}

/** Unknown drivers, drivers used as what they are not, their options, and two targets over the same thing. */
export function checkDrivers(
  tree: JsonObject,
  { drivers, knownDrivers, resolvePath }: Drivers,
  list: ProblemList,
): void {
  const claimed = new Map<string, string>();

  function moduleOf(id: string, path: readonly string[], role: Role): DriverModule | undefined {
    if (!knownDrivers.includes(id)) {
      list.error(
        path,
        `unknown driver ${quoted(id)}${didYouMean(id, knownDrivers)}`,
        listed("drivers", knownDrivers),
      );
      return undefined;
    }
    const module = drivers.get(id);
    if (module === undefined) list.error(path, `the driver ${quoted(id)} is not loaded`);
    else if (module[role] === undefined) {
      const hint = `choose a driver that can be ${article(role)}, or move the entry`;
      list.error(
        path,
        `the driver ${quoted(id)} cannot be ${article(role)}; it can be ${rolesOf(module)}`,
        hint,
      );
    }
    return module;
  }

  for (const [section, role] of Object.entries(sections)) {
    for (const [name, entry] of entriesAt(tree[section])) {
      const id = textAt(entry["driver"]);
      if (id === undefined || list.failed([section, name, "driver"])) continue;
      const driver = moduleOf(id, [section, name, "driver"], role)?.[role];
      if (driver === undefined) continue;
      const written = entry["with"] ?? {};
      if (mapAt(written) !== written && entry["with"] !== undefined) continue;
      const path = [section, name, "with"];
      const result = driver.options.safeParse(written);
      if (!result.success) addSchemaProblems(driver.options, written, result.error.issues, path, list);
      else if (driver.kind === "target") {
        for (const claim of driver.claims?.(result.data, resolvePath) ?? []) {
          const owner = claimed.get(claim);
          if (owner === undefined) claimed.set(claim, name);
          else if (owner !== name) {
            const hint = "one thing is one target: keep one of them, and let the other use it";
            list.error(path, `${quoted(name)} and ${quoted(owner)} are both over ${quoted(claim)}`, hint, {
              part: "key",
            });
          }
        }
      }
    }
  }
}
