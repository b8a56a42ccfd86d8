import * as z from "zod";
import { about } from "../../core/about.js";
import { duration } from "../../core/playbook/duration.js";

/** A program as the playbook names it. Never a shell line: what is not split cannot be split wrongly. */
export interface Program {
  readonly run: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly input?: string | undefined;
  /** Exit statuses that mean success. */
  readonly exit: readonly number[];
}

const quoted = (value: unknown): string => JSON.stringify(value) ?? String(value);

const list = z
  .array(z.string())
  .refine(
    ([first = ""]) => first !== "",
    'the list names no program; write it first, e.g. ["systemctl", "restart", "web"]',
  );

/** Never accepted: there to say what to write instead of a shell line. */
const line = z
  .string()
  .transform((text, context): string[] => {
    const written = quoted(text.trim().split(/\s+/));
    context.addIssue({
      code: "custom",
      message: `${quoted(text)} is one text, and no shell splits it; write a list, ${written}`,
    });
    return z.NEVER;
  })
  .meta({ not: {}, description: "Not accepted: write a list" });

const words = z.union([list, line]).register(...about("Program and arguments, each an item of its own"));

const full = z.strictObject({
  run: words,
  cwd: z
    .string()
    .min(1)
    .optional()
    .register(...about("Working folder; default: the playbook's folder")),
  env: z
    .record(z.string().regex(/^[^=\0]+$/, "not a name of a variable"), z.string())
    .default({})
    .register(...about("Variables added to the environment")),
  timeout: duration
    .refine((ms) => ms > 0, "a time-out of 0 ends the program before it begins")
    .optional()
    .register(...about("After it the program and all that it started are ended")),
  input: z
    .string()
    .optional()
    .register(...about("Text for its standard input")),
  exit: z
    .array(z.int().min(0).max(255))
    .min(1)
    .default([0])
    .register(...about("Exit statuses that mean success; default: 0 alone")),
});

const asProgram = (run: string[]): Program => ({ run, env: {}, exit: [0] });

/** One flat union: which of its branches was meant is told by the kind of value. What is used most comes first. */
export const program: z.ZodType<Program> = z.union([
  full,
  list.transform(asProgram),
  line.transform(asProgram),
]);

/** For messages: the words as they were written, cut where they get long. */
export function spelled(argv: readonly string[]): string {
  const text = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(" ");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
