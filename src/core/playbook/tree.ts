import type { Json, JsonObject } from "../json.js";

/** Lenient looks into a playbook that may be wrong anywhere: what has another shape than expected is not there. */
export const mapAt = (value: Json | undefined): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

export const entriesAt = (value: Json | undefined): [string, JsonObject][] =>
  Object.entries(mapAt(value)).map(([name, entry]) => [name, mapAt(entry)]);

export const textAt = (value: Json | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

/** The texts of a list, each with its index. */
export const textsAt = (value: Json | undefined): [number, string][] =>
  Array.isArray(value)
    ? value.flatMap((item, index): [number, string][] => (typeof item === "string" ? [[index, item]] : []))
    : [];

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const segment of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, segment)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[segment];
  }
  return here;
}
