import parse from "parse-duration";
import * as z from "zod";

const withUnits = /^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/;

/** `90s`, `1m30s`, `500ms` → milliseconds; `undefined` where the text is no duration with units. */
export function durationMs(text: string): number | undefined {
  if (!withUnits.test(text)) return undefined;
  return parse(text) ?? undefined;
}

/** A length of time with its unit, as text; milliseconds once parsed. A bare number is refused: 30 of what? */
export const duration = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const ms = typeof value === "string" ? durationMs(value) : undefined;
    if (ms !== undefined) return ms;
    const example = typeof value === "number" || /^\d+$/.test(value) ? `${value}s` : "30s";
    context.addIssue({
      code: "custom",
      message: `${JSON.stringify(value)} is not a duration with a unit; write ms, s, m, h, d or w after the number, e.g. "${example}"`,
    });
    return z.NEVER;
  })
  .meta({ type: "string", examples: ["30s", "1m30s", "500ms"] });
