import prettyMs from "pretty-ms";

/** `84 ms`, `1.2 s`, `1 min 20 s`, `2 h 5 min`: at most two units. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return "for ever";
  if (ms < 0) return `-${durationText(-ms)}`;
  const round =
    ms < 1000 ? Math.round(ms) : ms < 10_000 ? Math.round(ms / 100) * 100 : Math.round(ms / 1000) * 1000;
  return prettyMs(round, { unitCount: 2 }).replace(
    /(\d)([a-z]+)/g,
    (_, digit: string, unit: string) => `${digit} ${unit === "m" ? "min" : unit}`,
  );
}

/** `12,345` */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** `1 step`, `12,345 steps` */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : many}`;

/** `a`, `a and b`, `a, b and 3 more`. */
export function listText(names: readonly string[], most = 4): string {
  const shown = names.length > most ? names.slice(0, most - 1) : names;
  const rest = names.length - shown.length;
  const parts = rest > 0 ? [...shown, `${countText(rest)} more`] : shown;
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
}

/** `2026-11-22 05:46:44 UTC` */
export const utcText = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
