import * as z from "zod";
import { defineSignal } from "../../core/driver.js";
import { duration } from "../../core/playbook/duration.js";
import {
  mostReported,
  type ProblemKind,
  problemKinds,
  standing,
} from "../../core/problem-report/problem-report.js";

interface SignalOptions {
  readonly kind: readonly ProblemKind[];
  readonly issue?: string | undefined;
  readonly count: "all" | "same-issue";
  /** Milliseconds. */
  readonly over: number;
}

const kind = z.enum(problemKinds);

const options: z.ZodType<SignalOptions> = z
  .strictObject({
    kind: z
      .union([kind, z.array(kind).min(1)])
      .transform((one) => [one].flat())
      .describe("What is counted: `user`, `security`, `corruption`, or several of them"),
    issue: z.string().min(1).optional().describe("Only reports of this issue"),
    count: z
      .enum(["all", "same-issue"])
      .default("all")
      .describe("All of them, or those of the issue that is reported most"),
    over: duration
      .refine((ms) => ms > 0, "within no time nothing is reported")
      .default(3_600_000)
      .describe("Only reports that are not older"),
  })
  .refine(({ issue, count }) => issue === undefined || count === "all", {
    path: ["count"],
    error: "reports of one issue are all of the same: leave out `count`, or `issue`",
  });

export const signal = defineSignal<SignalOptions>({
  id: "reports",
  title: "How many problems people have reported: users, a security hole, corrupt data",
  options,
  read: async ({ kind: kinds, issue, count, over }, { reports, environment, clock }) => {
    const found = standing(await reports.list(), { kinds, issue, over, environment }, clock.now());
    if (count === "all") return { value: found.length, unit: "reports" };
    const most = mostReported(found);
    return {
      value: most?.count ?? 0,
      unit: "reports",
      ...(most === undefined ? {} : { asked: `reports of "${most.issue}"` }),
    };
  },
});
