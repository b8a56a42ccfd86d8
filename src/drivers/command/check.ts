import * as z from "zod";
import { about } from "../../core/about.js";
import { type Check, defineCheck } from "../../core/driver.js";
import { askProgram } from "./ask-program.js";
import { findPrograms } from "./find-programs.js";
import { type Program, program, spelled } from "./program.js";

interface CheckOptions {
  readonly program: Program;
  readonly output?:
    | { readonly contains?: string | undefined; readonly matches?: string | undefined }
    | undefined;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "m");
    return true;
  } catch {
    return false;
  }
}

const options: z.ZodType<CheckOptions> = z.strictObject({
  program: program.describe("Only looks; passes with an accepted exit status"),
  output: z
    .strictObject({
      contains: z
        .string()
        .min(1)
        .optional()
        .register(...about("Text that its output must contain")),
      matches: z
        .string()
        .min(1)
        .refine(isPattern, "not a regular expression")
        .optional()
        .register(...about("Regular expression that its output must match; ^ and $ stand for lines")),
    })
    .optional()
    .register(...about("What it must print besides")),
});

function judgeOutput(name: string, stdout: string, output: CheckOptions["output"]): Check {
  const shown = stdout.trim();
  const actual = shown.length > 200 ? `${shown.slice(0, 199)}…` : shown;
  if (output?.contains !== undefined && !stdout.includes(output.contains)) {
    return { name, result: "failed", expected: `output with "${output.contains}"`, actual };
  }
  if (output?.matches !== undefined && !new RegExp(output.matches, "m").test(stdout)) {
    return { name, result: "failed", expected: `output that matches /${output.matches}/`, actual };
  }
  return { name, result: "passed" };
}

export const check = defineCheck<CheckOptions>({
  id: "command",
  title: "A program that passes or fails",
  options,
  check: ({ program: asks }, context) => findPrograms([["program", asks]], context),
  run: async ({ program: asks, output }, context) => {
    const name = spelled(asks.run);
    return [await askProgram(name, asks, context, {}, (stdout) => judgeOutput(name, stdout, output))];
  },
});
