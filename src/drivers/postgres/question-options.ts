import * as z from "zod";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { duration } from "../../core/playbook/duration.js";
import { askRows, connectionsUsed, type Question } from "./ask-database.js";

interface Asked extends Question {
  readonly query?: string | undefined;
  readonly measure?: "connections" | undefined;
}

export const questionShape = {
  query: z
    .string()
    .regex(/\S/, "is empty")
    .optional()
    .describe("One SELECT (or VALUES, WITH); it runs in a read-only transaction"),
  measure: z
    .enum(["connections"])
    .optional()
    .describe(
      "Instead of a query: connections in use as a part of those allowed (of the server, the database or the role, whichever is tightest), 0 to 1",
    ),
  timeout: duration
    .refine((ms) => ms > 0, "a time-out of 0 lets no query end")
    .default(5_000)
    .describe("For connecting, and for the query on the server"),
};

export function refineQuestion({ query, measure }: Asked, context: z.RefinementCtx): void {
  if ((query === undefined) !== (measure === undefined)) return;
  const message =
    query === undefined
      ? "missing: write a `query`, or `measure: connections`"
      : "stands beside `measure`: remove one of them";
  context.addIssue({ code: "custom", path: ["query"], message });
}

/** Asks as the real question would: a missing table or right shows before the night in which it matters. */
export async function checkQuestion(asked: Asked, context: DriverContext): Promise<Problem[]> {
  try {
    if (asked.query === undefined) await connectionsUsed(asked, context);
    else await askRows(asked, asked.query, 1, context);
    return [];
  } catch (error) {
    if (error instanceof BackoutError) return [problem(context.name, error.message, error.hint)];
    throw error;
  }
}
