import * as z from "zod";
import { about } from "../../core/about.js";
import { defineSignal } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import { jsonPointer, valueAt } from "../../core/json-pointer.js";
import { findPrograms } from "./find-programs.js";
import { type Program, program, spelled } from "./program.js";
import { ending, runProgram, runToRead } from "./run-program.js";

interface SignalOptions {
  readonly program: Program;
  readonly value: "stdout" | "exit" | { readonly json: string };
  readonly unit?: string | undefined;
}

const options: z.ZodType<SignalOptions> = z.strictObject({
  program: program.describe("Only looks; what it measures is read from its end or its output"),
  value: z
    .union([
      z.enum(["stdout", "exit"]),
      z.strictObject({ json: jsonPointer.describe("JSON pointer to a number, e.g. `/queue/depth`") }),
    ])
    .default("stdout")
    .register(...about("The number: all of its output, its exit status, or a place in its JSON output")),
  unit: z
    .string()
    .min(1)
    .optional()
    .register(...about("For people: `ms`, `ratio`")),
});

const number = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

const unmeasured = (subject: string, fact: string, hint: string): BackoutError =>
  new BackoutError("COMMAND_FAILED", `${subject}: could not measure, ${fact}`, { effect: "none", hint });

const excerpt = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 119)}…` : text);

/** A whole text that is one finite decimal number. */
export function numberIn(subject: string, text: string): number {
  const trimmed = text.trim();
  const value = number.test(trimmed) ? Number(trimmed) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw unmeasured(subject, `the output ${excerpt(trimmed)} is not a number`, "print the number alone");
}

/** The finite number at a place in a JSON text. */
export function numberAt(subject: string, text: string, pointer: string): number {
  let document: Json;
  try {
    document = JSON.parse(text) as Json;
  } catch {
    throw unmeasured(
      subject,
      `the output ${excerpt(text.trim())} is not JSON`,
      "print JSON and nothing else",
    );
  }
  const value = valueAt(document, pointer);
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const found = value === undefined ? "nothing" : excerpt(JSON.stringify(value));
  throw unmeasured(subject, `${found} at "${pointer}" is not a number`, `correct \`json: "${pointer}"\``);
}

export const signal = defineSignal<SignalOptions>({
  id: "command",
  title: "A number that a program measures",
  options,
  check: ({ program: measures }, context) => findPrograms([["program", measures]], context),
  read: async ({ program: measures, value, unit }, context) => {
    const withUnit = (read: number) => ({ value: read, ...(unit === undefined ? {} : { unit }) });
    if (value === "exit") {
      const result = await runProgram(measures, context);
      if (!result.timedOut && result.exitCode !== undefined) return withUnit(result.exitCode);
      const fact = `"${spelled(measures.run)}" ${ending(measures, result)}`;
      throw unmeasured(context.name, fact, "see why the program does not end by itself");
    }
    const { stdout } = await runToRead("program", measures, context);
    const read =
      value === "stdout" ? numberIn(context.name, stdout) : numberAt(context.name, stdout, value.json);
    return withUnit(read);
  },
});
