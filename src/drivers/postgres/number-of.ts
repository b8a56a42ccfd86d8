const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** A finite number as the client library gives it: 64-bit and exact ones come as text. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "string") return undefined;
  const number = typeof value === "string" && !decimal.test(value) ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** For messages: bounded, on one line. */
export function shownValue(value: unknown): string {
  if (value === null) return "NULL";
  if (typeof value === "number") return String(value);
  const text = value instanceof Date ? value.toISOString() : (JSON.stringify(value) ?? String(value));
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
