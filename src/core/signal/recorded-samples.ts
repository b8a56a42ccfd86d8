import * as z from "zod";
import { BackoutError } from "../errors.js";
import type { Sample } from "./sample.js";

const line = z.union([
  z.object({
    signal: z.string(),
    at: z.union([z.number(), z.iso.datetime({ offset: true })]),
    value: z.number(),
  }),
  z.object({
    signal: z.string(),
    at: z.union([z.number(), z.iso.datetime({ offset: true })]),
    error: z.string(),
  }),
]);

/** One JSON object a line: signal, time (milliseconds or ISO 8601), and value or error. In the order of time. */
export function recordedSamples(text: string, file: string): Sample[] {
  const samples = text.split("\n").flatMap((written, index): Sample[] => {
    if (written.trim() === "") return [];
    const read = line.safeParse(parsed(written));
    if (!read.success) throw wrong(file, index + 1, written);
    const { at, ...rest } = read.data;
    return [{ ...rest, at: typeof at === "number" ? at : Date.parse(at) }];
  });
  return samples.toSorted((a, b) => a.at - b.at);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const wrong = (file: string, number: number, text: string): BackoutError =>
  new BackoutError("USAGE", `${file}:${number}: ${JSON.stringify(text.slice(0, 60))} is no recorded sample`, {
    effect: "none",
    hint: 'a line is {"signal":"errors","at":"2026-11-22T05:46:44Z","value":0.02}, or with "error" in place of "value"',
  });
