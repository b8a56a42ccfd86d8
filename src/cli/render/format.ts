import prettyBytes from "pretty-bytes";
import { durationText } from "../../core/report/measures.js";

export { countText, durationText, listText, plural } from "../../core/report/measures.js";

/** `41.2 MB` */
export const bytesText = (bytes: number): string => prettyBytes(bytes);

/** How long ago, roughly: `12 min ago`, `in 5 s`, `just now`. */
export function ageText(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 1000) return "just now";
  return ms > 0 ? `${roughText(ms)} ago` : `in ${roughText(-ms)}`;
}

/** One unit for what is over an hour, since nobody needs the minutes of a day. */
export function roughText(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
  ] as const;
  const unit = units.find(([size]) => ms >= 2 * size);
  return unit === undefined
    ? durationText(Math.round(ms / 1000) * 1000)
    : `${Math.floor(ms / unit[0])} ${unit[1]}`;
}

/** A time as its parts, in the given number of minutes east of UTC. */
function shifted(at: number, utcOffset = -new Date(at).getTimezoneOffset()): string {
  return new Date(at + utcOffset * 60_000).toISOString();
}

/** `05:46:44` */
export const clockText = (at: number, utcOffset?: number): string => shifted(at, utcOffset).slice(11, 19);

/** `05:46:44.120` */
export const preciseText = (at: number, utcOffset?: number): string => shifted(at, utcOffset).slice(11, 23);

/** `2026-11-22 05:46:44`, local. */
export const localText = (at: number, utcOffset?: number): string =>
  shifted(at, utcOffset).slice(0, 19).replace("T", " ");

/** The shortest that is clear: `05:46:44` on the same day, else with its date. */
export function sinceText(at: number, now: number, utcOffset?: number): string {
  const local = localText(at, utcOffset);
  return local.slice(0, 10) === localText(now, utcOffset).slice(0, 10) ? local.slice(11) : local.slice(0, 16);
}
