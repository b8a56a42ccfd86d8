import * as z from "zod";
import { BackoutError } from "../core/errors.js";
import { durationMs } from "../core/playbook/duration.js";
import type { Stretch } from "../core/signal/backtest.js";

const day = z.iso.date();
const moment = z.union([z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })]);

/** A day (UTC), a moment with its offset, or how long before `end` it is. Milliseconds since the epoch. */
export function timeOf(option: string, text: string, end: number): number {
  const before = durationMs(text);
  if (before !== undefined) return end - before;
  if (day.safeParse(text).success || moment.safeParse(text).success) return Date.parse(text);
  if (moment.safeParse(`${text}Z`).success)
    throw badTime(option, text, "does not say its time zone", `${text}Z`);
  throw badTime(option, text, "is neither a time nor a duration");
}

export function stretchOf(option: string, text: string): Stretch {
  const [from, to, more] = text.split("/");
  if (from === undefined || to === undefined || more !== undefined)
    throw badTime(option, text, "is not FROM/TO", exampleStretch);
  const stretch = { from: momentOf(option, from), to: momentOf(option, to) };
  if (stretch.from > stretch.to) throw badTime(option, text, "ends before it begins", exampleStretch);
  return stretch;
}

const exampleStretch = "2026-11-21T03:10Z/2026-11-21T03:40Z";

/** A duration would have nothing to be counted from. */
function momentOf(option: string, text: string): number {
  if (durationMs(text) !== undefined)
    throw badTime(option, text, "is a duration, not a time", exampleStretch);
  return timeOf(option, text, 0);
}

export function lengthOf(option: string, text: string): number {
  const length = durationMs(text);
  if (length !== undefined) return length;
  throw badTime(option, text, "is not a duration with a unit", "30m");
}

export const badTime = (option: string, text: string, fact: string, example = "24h"): BackoutError =>
  new BackoutError("USAGE", `${option}: "${text}" ${fact}`, {
    effect: "none",
    hint: `${option} ${example}${example === "24h" ? `, or ${option} 2026-11-20T00:00Z` : ""}`,
  });
