import * as z from "zod";
import {
  type ConnectionOptions,
  connectionShape,
  refineConnection,
} from "../../clients/postgres/connection-options.js";
import { BackoutError } from "../../core/errors.js";
import { duration } from "../../core/playbook/duration.js";
import { kinds, type ObjectName, parseName } from "./object-name.js";

const name = (text: string) => z.string().min(1).optional().describe(text);

/** Exactly one of its keys. */
const object = z
  .strictObject({
    index: name("Name, with its schema"),
    view: name("Name, with its schema"),
    materialized_view: name("Name, with its schema; its indexes belong to it"),
    function: name("Name, with its schema and its arguments' types: `public.total(int, text)`"),
    job: name("Name of a job of pg_cron"),
  })
  .superRefine((given, context) => {
    const named = kinds.filter((kind) => given[kind] !== undefined);
    const [kind] = named;
    if (kind === undefined || named.length > 1) {
      context.addIssue({ code: "custom", message: `names ${named.length} objects; write one an item` });
      return;
    }
    const parsed = parseName(kind, given[kind] ?? "");
    if (typeof parsed === "string") context.addIssue({ code: "custom", path: [kind], message: parsed });
  });

type Item = z.infer<typeof object>;

export interface Options extends ConnectionOptions {
  readonly made: readonly Item[];
  readonly dropped: readonly Item[];
  /** Milliseconds, both. */
  readonly lock_timeout: number;
  readonly patience: number;
}

export const options: z.ZodType<Options> = z
  .strictObject({
    ...connectionShape,
    made: z.array(object).default([]).describe("What the change makes: must not be there afterwards"),
    dropped: z
      .array(object)
      .default([])
      .describe("What the change drops or alters: its definition is captured, and it is made again"),
    lock_timeout: duration
      .refine((ms) => ms >= 100, "less than 100 ms gets no lock on a busy table")
      .default(3_000)
      .describe(
        "So long a statement may wait for a lock, while others wait behind it; then it is tried again",
      ),
    patience: duration
      .default(120_000)
      .describe(
        "So long transactions that are in the way are waited for in all; then the step fails, and names them",
      ),
  })
  .superRefine((given, context) => {
    refineConnection(given, context);
    if (given.made.length + given.dropped.length === 0) {
      context.addIssue({
        code: "custom",
        path: ["made"],
        message: "names nothing, and neither does `dropped`",
      });
    }
    const seen = new Set<string>();
    for (const {
      object: { shown },
    } of wantedOf(given)) {
      if (seen.has(shown)) context.addIssue({ code: "custom", message: `${shown} is named twice` });
      seen.add(shown);
    }
  })
  .describe("Indexes, views, materialized views, functions and pg_cron jobs of one database.");

export interface Wanted {
  readonly object: ObjectName;
  /** `dropped`: must be there, as captured. */
  readonly list: "made" | "dropped";
}

/** All that the options name, in their order. What cannot be parsed is not among them: the schema has said so. */
export function wantedOf({ made, dropped }: Pick<Options, "made" | "dropped">): Wanted[] {
  const named = (list: "made" | "dropped", items: readonly Item[]): Wanted[] =>
    items.flatMap((item) => {
      const kind = kinds.find((one) => item[one] !== undefined);
      const parsed = kind === undefined ? "" : parseName(kind, item[kind] ?? "");
      return typeof parsed === "string" ? [] : [{ object: parsed, list }];
    });
  return [...named("made", made), ...named("dropped", dropped)];
}

/** By the name in a step's input. */
export function wantedAs(options: Options, shown: unknown): Wanted {
  const found = wantedOf(options).find((one) => one.object.shown === shown);
  if (found !== undefined) return found;
  throw new BackoutError("INTERNAL", `${String(shown)}: is not named in the options`, { effect: "none" });
}
