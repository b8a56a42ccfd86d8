import * as z from "zod";
import { connectionShape, refineConnection } from "../../clients/postgres/connection-options.js";
import { type Check, type DriverContext, defineCheck } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { askRows, connectionsUsed, type Question, type Row } from "./ask-database.js";
import { numberOf, shownValue } from "./number-of.js";
import { checkQuestion, questionShape, refineQuestion } from "./question-options.js";

interface CheckOptions extends Question {
  readonly query?: string | undefined;
  readonly measure?: "connections" | undefined;
  readonly equals?: string | number | boolean | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly rows?: number | undefined;
}

const shownRows = 10;

const options: z.ZodType<CheckOptions> = z
  .strictObject({
    ...connectionShape,
    ...questionShape,
    equals: z
      .union([z.string(), z.number(), z.boolean()])
      .optional()
      .describe("The one value of the query's one row"),
    min: z.number().optional().describe("The value is a number, at least this"),
    max: z.number().optional().describe("The value is a number, at most this"),
    rows: z
      .int()
      .min(0)
      .max(10_000)
      .optional()
      .describe("So many rows exactly; `0` where the query lists what must be gone"),
  })
  .superRefine((given, context) => {
    refineConnection(given, context);
    refineQuestion(given, context);
    const { equals, min, max, rows, measure } = given;
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if ([equals, min, max, rows].every((one) => one === undefined)) {
      issue("equals", "missing: say what is expected, by `equals`, `min`, `max` or `rows`");
    }
    if (rows !== undefined && (equals ?? min ?? max) !== undefined) {
      issue("rows", "counts rows, and stands beside a comparison of the value: remove one of them");
    }
    if (equals !== undefined && (min ?? max) !== undefined) {
      issue("equals", "stands beside `min` or `max`: remove one of them");
    }
    if (min !== undefined && max !== undefined && min > max) issue("min", `${min} is more than max, ${max}`);
    if (measure !== undefined && (rows ?? equals) !== undefined) {
      issue("measure", "is a part between 0 and 1: compare it by `max`");
    }
  });

function judgeRows(rows: readonly Row[], expected: number): Omit<Check, "name"> {
  if (rows.length === expected) return { result: "passed" };
  const many =
    rows.length > Math.max(expected, shownRows) ? `more than ${rows.length - 1}` : String(rows.length);
  const listed = rows.slice(0, shownRows).map((row) => row.map(shownValue).join(" "));
  const rest = rows.length > shownRows ? [", …"] : [];
  return {
    result: "failed",
    expected: `${expected} rows`,
    actual: rows.length === 0 ? "0 rows" : `${many}: ${listed.join(", ")}${rest.join("")}`,
  };
}

function judgeValue(value: unknown, { equals, min, max }: CheckOptions): Omit<Check, "name"> {
  const number = numberOf(value);
  if (equals !== undefined) {
    const same = typeof equals === "number" ? number === equals : value === equals;
    if (same) return { result: "passed" };
    return { result: "failed", expected: shownValue(equals), actual: shownValue(value) };
  }
  const wanted = [min === undefined ? [] : [`at least ${min}`], max === undefined ? [] : [`at most ${max}`]];
  const expected = wanted.flat().join(" and ");
  if (number === undefined) {
    return { result: "error", expected, message: `could not measure, ${shownValue(value)} is not a number` };
  }
  const good = number >= (min ?? -Infinity) && number <= (max ?? Infinity);
  return good ? { result: "passed" } : { result: "failed", expected, actual: String(number) };
}

async function judge(asked: CheckOptions, context: DriverContext): Promise<Omit<Check, "name">> {
  const { query, rows: expected } = asked;
  if (query === undefined) return judgeValue(await connectionsUsed(asked, context), asked);
  if (expected !== undefined) {
    return judgeRows(await askRows(asked, query, Math.max(expected, shownRows) + 1, context), expected);
  }
  const rows = await askRows(asked, query, 2, context);
  const [row] = rows;
  if (row !== undefined && rows.length === 1 && row.length === 1) return judgeValue(row[0], asked);
  const gave = row === undefined ? "no row" : rows.length > 1 ? "more than one row" : `${row.length} columns`;
  return { result: "error", message: `could not measure, the query gave ${gave} instead of one value` };
}

export const check = defineCheck<CheckOptions>({
  id: "postgres",
  title: "An answer that a PostgreSQL database must give",
  options,
  check: checkQuestion,
  run: async (asked, context) => {
    const name = asked.query === undefined ? "connections" : shortened(asked.query);
    try {
      return [{ name, ...(await judge(asked, context)) }];
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      return [{ name, result: "error", message: error.message }];
    }
  },
});

function shortened(query: string): string {
  const line = query.replace(/\s+/g, " ").trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
