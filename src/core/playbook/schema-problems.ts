import type * as z from "zod";
import { descriptionAt, keysAt } from "./schema-keys.js";
import { didYouMean, listed, quoted } from "./suggestion.js";
import { valueAt } from "./tree.js";
import type { Path, ProblemList } from "./where.js";

type Issue = z.core.$ZodIssue;

const kinds: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};
const kindOf = (expected: string) => kinds[expected] ?? expected;

const typeOf = (value: unknown) =>
  value === null ? "nothing" : kindOf(Array.isArray(value) ? "array" : typeof value);

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** Issues of a zod schema as problems in plain words. `at` is where the checked value stands in the playbook. */
export function addSchemaProblems(
  schema: z.core.$ZodType,
  value: unknown,
  issues: readonly Issue[],
  at: Path,
  list: ProblemList,
): void {
  for (const issue of issues) add(issue, []);

  function add(issue: Issue, above: readonly PropertyKey[]): void {
    const inner = [...above, ...issue.path];
    const path = [...at, ...inner.map((one) => (typeof one === "symbol" ? String(one) : one))];
    const found = valueAt(value, inner);
    if (issue.code === "unrecognized_keys") return unknownKeys(issue.keys, inner, path);
    // Whoever looked at this value before has said it better.
    if (list.failed(path)) return;
    if (issue.code === "invalid_union" && issue.errors.length > 0) return union(issue, inner, path, found);
    if (found === undefined && (issue.code === "invalid_type" || issue.code === "invalid_value")) {
      return list.error(
        path,
        `${quoted(String(path.at(-1) ?? ""))} is missing`,
        descriptionAt(schema, inner),
      );
    }
    const { message, hint } = explain(issue, found);
    list.error(path, message, hint, { part: issue.code === "invalid_key" ? "key" : "value" });
  }

  function unknownKeys(keys: readonly string[], inner: readonly PropertyKey[], path: Path): void {
    const known = keysAt(schema, inner);
    for (const key of keys) {
      const hint = listed("known here", new Set(known));
      list.error([...path, key], `unknown key ${quoted(key)}${didYouMean(key, known)}`, hint, {
        part: "key",
      });
    }
  }

  /** The branch that was meant: the one that got furthest. Where no branch fits at all, what they expect. */
  function union(
    issue: z.core.$ZodIssueInvalidUnion,
    inner: readonly PropertyKey[],
    path: Path,
    found: unknown,
  ): void {
    const meant = issue.errors
      .filter((branch) => !branch.some((one) => one.path.length === 0 && one.code === "invalid_type"))
      .toSorted((a, b) => a.length - b.length)[0];
    if (meant !== undefined) {
      for (const one of meant) add(one, inner);
      return;
    }
    const expected = issue.errors
      .flat()
      .map((one) => (one.code === "invalid_type" ? kindOf(one.expected) : ""));
    const choices = [...new Set(expected.filter((one) => one !== ""))].join(" or ");
    if (found === undefined) {
      return list.error(
        path,
        `${quoted(String(path.at(-1) ?? ""))} is missing`,
        descriptionAt(schema, inner),
      );
    }
    list.error(path, `${described(found)}; it must be ${choices}`);
  }
}

const described = (found: unknown) =>
  found === null
    ? "there is no value"
    : typeof found === "object"
      ? `this is ${typeOf(found)}`
      : `${quoted(found)} is ${typeOf(found)}`;

function explain(issue: Issue, found: unknown): { message: string; hint?: string } {
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, found);
    case "invalid_value": {
      const choices = issue.values.map(String);
      const [only, ...others] = choices;
      if (others.length === 0) return { message: `${quoted(found)} must be ${only}` };
      const near = typeof found === "string" ? didYouMean(found, choices) : "";
      return { message: `${quoted(found)} is none of ${choices.join(", ")}${near}` };
    }
    case "invalid_key":
      return { message: `the name cannot be used: ${issue.issues[0]?.message ?? lower(issue.message)}` };
    case "custom":
      return { message: issue.message };
    case "invalid_union":
      return { message: `${quoted(found)}: ${lower(issue.message)}` };
    case "too_small":
    case "too_big":
    case "invalid_format":
    case "not_multiple_of":
      return { message: `${quoted(found)}: ${lower(issue.message.replace(/^Invalid string: /, ""))}` };
    default:
      return { message: lower(issue.message) };
  }
}

function wrongType(expected: string, found: unknown): { message: string; hint?: string } {
  const wanted = kindOf(expected);
  if (found === null)
    return { message: `there is no value; it must be ${wanted}`, hint: "write one, or remove the key" };
  if (expected === "int" && typeof found === "number") return { message: `${found} is not a whole number` };
  const message = `${described(found)}; it must be ${wanted}`;
  if (expected === "string" && typeof found !== "object")
    return { message, hint: `put it into quotes: "${found}"` };
  if (
    typeof found === "string" &&
    found !== "" &&
    ["number", "int"].includes(expected) &&
    !Number.isNaN(Number(found))
  ) {
    return { message, hint: `without quotes: ${found}` };
  }
  if (expected === "array" && typeof found === "string") return { message, hint: `write [${found}]` };
  return { message };
}
