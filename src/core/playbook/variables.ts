import type { Json, JsonObject } from "../json.js";
import type { ChosenEnvironment } from "./environment.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { entriesAt, mapAt } from "./tree.js";
import type { Path, ProblemList, Segment } from "./where.js";

/** `$${` is the characters `${`; else a reference up to the next brace. */
const pattern = /\$\$\{|\$\{([^}]*)(\}?)/g;
const secretKinds = ["env", "file"];
/** These are not written in terms of variables. */
export const fixed = new Set(["backout", "system", "environments", "variables"]);

/** Only there does anybody resolve `${env:X}` and `${file:…}` later. */
const mayHoldSecrets = (path: Path) =>
  (["targets", "signals", "checks"].includes(String(path[0])) && path[2] === "with") ||
  (path[0] === "encryption" && path[1] === "identity") ||
  path[0] === "engine";

/** Puts the variables in. Secret references stay as they are, and are checked for their form. */
export function putVariablesIn(
  tree: JsonObject,
  { environment, environments, variables }: ChosenEnvironment,
  list: ProblemList,
): JsonObject {
  const used = new Set<string>();

  function secret(content: string, path: Path, problem: (message: string, hint?: string) => void) {
    const [kind = "", ...rest] = content.split(":");
    const name = rest.join(":");
    if (!secretKinds.includes(kind)) {
      const literal = `for the characters themselves write $\${${content}}`;
      problem(
        `no kind of reference is called ${quoted(kind)}${didYouMean(kind, secretKinds)}`,
        `\${env:NAME} and \${file:path} are known; ${literal}`,
      );
    } else if (name === "" || name.includes("${")) {
      problem(`"\${${content}}" names nothing that can be looked up`, "write ${env:NAME} or ${file:path}");
    } else if (!mayHoldSecrets(path)) {
      problem(
        `"\${${content}}" stands where secrets are not looked up`,
        "secret references belong into with: blocks, encryption.identity and engine",
      );
    }
  }

  function variable(name: string, problem: (message: string, hint?: string) => void) {
    used.add(name);
    const value = variables.get(name);
    if (value === undefined) {
      const where = environments.length > 1 ? ` in environment ${quoted(environment)}` : "";
      problem(
        `no variable ${quoted(name)}${where}${didYouMean(name, variables.keys())}`,
        `${listed("variables", variables.keys())}; for the characters themselves write $\${${name}}`,
      );
    }
    return value;
  }

  function textOf(text: string, path: Path): Json {
    let whole: Json | undefined;
    const result = text.replace(
      pattern,
      (match: string, content: string | undefined, end: string, at: number) => {
        if (content === undefined) {
          const kept = mayHoldSecrets(path) && /^(env|file):/.test(text.slice(at + match.length));
          return kept ? match : "${";
        }
        const problem = (message: string, hint?: string) =>
          list.error(path, message, hint, { inside: { text, offset: at } });
        if (end === "") {
          problem('"${" is never closed', "for the characters themselves write $${");
          return match;
        }
        if (content.includes(":")) {
          secret(content, path, problem);
          return match;
        }
        const value = variable(content, problem);
        if (value === undefined) return match;
        if (match === text) whole = value;
        return String(value);
      },
    );
    return whole ?? result;
  }

  /** Where the walk is. */
  const way: Segment[] = [];

  function below(value: Json, segment: Segment): Json {
    way.push(segment);
    const result = valueOf(value);
    way.pop();
    return result;
  }

  function valueOf(value: Json): Json {
    if (typeof value === "string") return value.includes("${") ? textOf(value, [...way]) : value;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(below);
    const result: Record<string, Json> = {};
    for (const [key, member] of Object.entries(value)) result[key] = below(member, key);
    return result;
  }

  const result: Record<string, Json> = {};
  for (const [key, value] of Object.entries(tree)) result[key] = fixed.has(key) ? value : below(value, key);
  warnOfUnused(tree, used, list);
  return result;
}

function warnOfUnused(tree: JsonObject, used: ReadonlySet<string>, list: ProblemList): void {
  const places: [Path, JsonObject][] = [[["variables"], mapAt(tree["variables"])]];
  for (const [name, entry] of entriesAt(tree["environments"])) {
    places.push([["environments", name, "variables"], mapAt(entry["variables"])]);
  }
  for (const [path, variables] of places) {
    for (const [name, value] of Object.entries(variables)) {
      if (!used.has(name)) {
        list.warn([...path, name], `the variable ${quoted(name)} is never used`, "remove it, or use it", {
          part: "key",
        });
      } else if (typeof value === "string" && /(^|[^$])\$\{[^}:]*\}/.test(value)) {
        list.error(
          [...path, name],
          `${quoted(value)}: a variable cannot be made of other variables`,
          "write the value out",
        );
      }
    }
  }
}
