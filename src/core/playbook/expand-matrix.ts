import type { Json, JsonObject } from "../json.js";
import { quoted } from "./suggestion.js";
import { entriesAt, mapAt, textAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

export interface Expanded {
  readonly tree: JsonObject;
  /** Tells of what the matrix made where it stands in the matrix. */
  readonly list: ProblemList;
}

const levels = { critical: "RED", warning: "YELLOW" } as const;
const outcomeKeys = ["scenario", "mode", "say", "why", "class"] as const;

/**
 * The short form in full: each cell becomes a trigger `metric_critical` or `metric_warning` and, where it says what is done, a
 * rule after those of `decisions`: the critical ones first, from the top of the matrix down.
 */
export function expandMatrix(tree: JsonObject, list: ProblemList): Expanded {
  const metrics = entriesAt(tree["matrix"]);
  if (metrics.length === 0) return { tree, list };
  const triggers: Record<string, Json> = { ...mapAt(tree["triggers"]) };
  const decisions: Json[] = Array.isArray(tree["decisions"]) ? [...tree["decisions"]] : [];
  const origins = new Map<string, Path>();
  for (const [kind, level] of Object.entries(levels)) {
    for (const [metric, row] of metrics) {
      if (row[kind] === undefined) continue;
      const cell = mapAt(row[kind]);
      const path: Path = ["matrix", metric, kind];
      const name = `${metric}_${kind}`;
      const when = conditionOf(textAt(row["signal"]) ?? metric, cell, path, list);
      if (Object.hasOwn(triggers, name)) {
        list.error(
          ["triggers", name],
          `the matrix makes a trigger ${quoted(name)}, too`,
          "choose another name",
          {
            part: "key",
          },
        );
      }
      if (when === undefined || Object.hasOwn(triggers, name)) continue;
      origins.set(`triggers ${name}`, path);
      triggers[name] = { when, level, ...picked(cell, ["for"]) };
      if (cell["scenario"] === undefined && cell["say"] === undefined) continue;
      origins.set(`decisions ${decisions.length}`, path);
      decisions.push({ when: name, why: `${metric} is ${kind}: ${when}`, ...picked(cell, outcomeKeys) });
    }
  }
  return { tree: { ...tree, triggers, decisions }, list: aliased(list, origins) };
}

function conditionOf(signal: string, cell: JsonObject, path: Path, list: ProblemList): string | undefined {
  const { above, below } = cell;
  if ((above === undefined) === (below === undefined)) {
    const fact = above === undefined ? "there is no limit" : "above and below are both limits";
    list.error(path, fact, "write above: or below:, one of them");
    return undefined;
  }
  if (typeof above !== "number" && typeof below !== "number") return undefined;
  return above === undefined ? `${signal} < ${String(below)}` : `${signal} > ${String(above)}`;
}

const picked = (cell: JsonObject, keys: readonly string[]): Record<string, Json> =>
  Object.fromEntries(keys.flatMap((key) => (cell[key] === undefined ? [] : [[key, cell[key]]])));

/** Conditions are made of several parts of a cell: what is said about them points at the cell. */
function aliased(list: ProblemList, origins: ReadonlyMap<string, Path>): ProblemList {
  const original = (path: Path): Path => {
    const [section, name, ...rest] = path;
    const origin = origins.get(`${section} ${name}`);
    if (origin === undefined) return path;
    const [key] = rest;
    return key === undefined || key === "when" || key === "level" ? origin : [...origin, ...rest];
  };
  const known = (path: Path) => original(path) === path;
  return {
    problems: list.problems,
    error: (path, message, hint, target) =>
      list.error(original(path), message, hint, known(path) ? target : undefined),
    warn: (path, message, hint, target) =>
      list.warn(original(path), message, hint, known(path) ? target : undefined),
    failed: (path) => list.failed(original(path)),
  };
}
