import * as z from "zod";
import { connectionShape, refineConnection } from "../../clients/postgres/connection-options.js";
import { type DriverContext, defineSignal } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { askRows, connectionsUsed, type Question } from "./ask-database.js";
import { numberOf, shownValue } from "./number-of.js";
import { checkQuestion, questionShape, refineQuestion } from "./question-options.js";

interface SignalOptions extends Question {
  readonly query?: string | undefined;
  readonly measure?: "connections" | undefined;
  readonly unit?: string | undefined;
}

const options: z.ZodType<SignalOptions> = z
  .strictObject({
    ...connectionShape,
    ...questionShape,
    unit: z.string().min(1).optional().describe("For people: `ms`, `ratio`"),
  })
  .superRefine((given, context) => {
    refineConnection(given, context);
    refineQuestion(given, context);
  });

const unmeasured = (name: string, fact: string, hint: string): BackoutError =>
  new BackoutError("COMMAND_FAILED", `${name}: could not measure, ${fact}`, { effect: "none", hint });

/** One row, one column, one finite number; anything else is no measurement. */
async function queriedNumber(asked: SignalOptions, query: string, context: DriverContext): Promise<number> {
  const rows = await askRows(asked, query, 2, context);
  const [row] = rows;
  if (row === undefined || rows.length > 1) {
    const many = row === undefined ? "no row" : "more than one row";
    throw unmeasured(
      context.name,
      `the query gave ${many}`,
      "let it give one row, e.g. by count(*) or max(…)",
    );
  }
  if (row.length !== 1) {
    throw unmeasured(context.name, `the query gave ${row.length} columns`, "select the number alone");
  }
  const value = numberOf(row[0]);
  if (value !== undefined) return value;
  throw unmeasured(
    context.name,
    `${shownValue(row[0])} is not a number`,
    "coalesce(…, 0) where nothing means zero; extract(epoch from …) for a time",
  );
}

export const signal = defineSignal<SignalOptions>({
  id: "postgres",
  title: "A number out of a PostgreSQL database",
  options,
  check: checkQuestion,
  read: async (asked, context) => {
    const unit = asked.unit === undefined ? {} : { unit: asked.unit };
    if (asked.query !== undefined)
      return { value: await queriedNumber(asked, asked.query, context), ...unit };
    return { value: await connectionsUsed(asked, context), unit: "ratio", ...unit };
  },
});
