import * as z from "zod";
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

const notText = ({ input }: { input?: unknown }): string =>
  `${quoted(input)} is not text; put it in quotes: ${quoted(String(input))}`;

const notList = ({ input }: { input?: unknown }): string =>
  typeof input === "string"
    ? `${quoted(input)} is one text; write a list, ${quoted(input.trim().split(/\s+/))}, since no shell splits it`
    : `${quoted(input)} is not a list of the program and its arguments, e.g. ["systemctl", "restart", "web"]`;

const words = z
  .array(z.string({ error: notText }), { error: notList })
  .min(1, 'the list is empty; write the program first, e.g. ["systemctl", "restart", "web"]')
  .refine(([first]) => first !== "", "the program, first in the list, is empty")
  .describe("Program and arguments, each an item of its own");

const full = z.strictObject({
  run: words,
  cwd: z.string().min(1).optional().describe("Working folder; default: the playbook's folder"),
  env: z
    .record(z.string().regex(/^[^=\0]+$/, "not a name of a variable"), z.string({ error: notText }))
    .default({})
    .describe("Variables added to the environment"),
  timeout: duration
    .refine((ms) => ms > 0, "a time-out of 0 ends the program before it begins")
    .optional()
    .describe("After it the program and all that it started are ended"),
  input: z.string().optional().describe("Text for its standard input"),
  exit: z
    .array(z.int().min(0).max(255))
    .min(1)
    .default([0])
    .describe("Exit statuses that mean success; default: 0 alone"),
});

const short = words.transform((run) => ({ run, env: {}, exit: [0] }));

/** The union's own issue, made to read like that of the form which the writer had in mind. */
const neitherForm = (issue: z.core.$ZodRawIssue): string => {
  const { input } = issue;
  const meant =
    issue.code === "invalid_union" && typeof input === "object" && input !== null
      ? issue.errors[Array.isArray(input) ? 0 : 1]
      : undefined;
  if (meant === undefined) return notList({ input });
  return meant.map(({ path, message }) => [...path, message].join(": ")).join("; ");
};

export const program: z.ZodType<Program> = z.union([short, full], { error: neitherForm });

/** For messages: the words as they were written, cut where they get long. */
export function spelled(argv: readonly string[]): string {
  const text = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(" ");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
