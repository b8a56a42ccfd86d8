import * as z from "zod";
import { BackoutError } from "../errors.js";

/** What people report: a fault that users meet, a hole, data that is wrong. */
export const problemKinds = ["user", "security", "corruption"] as const;
export type ProblemKind = (typeof problemKinds)[number];

/** What one person reported once. Never altered; it may be withdrawn. */
export interface ProblemReport {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  readonly environment: string;
  readonly kind: ProblemKind;
  /** What the reports of one fault have in common: `checkout fails`. */
  readonly issue?: string | undefined;
  readonly note?: string | undefined;
  readonly withdrawn?: { readonly at: number; readonly by: string } | undefined;
}

export const issueLimit = 200;
export const noteLimit = 4_000;

export const withdrawal = z.object({ at: z.number(), by: z.string() });

/** As it is kept: a withdrawal stands beside it. */
export const problemReport: z.ZodType<ProblemReport> = withdrawal.extend({
  id: z.string(),
  environment: z.string(),
  kind: z.enum(problemKinds),
  issue: z.string().optional(),
  note: z.string().optional(),
});

/** Where reports are kept. Implemented by `storage`. */
export interface ProblemReports {
  /** On the disk when it returns. */
  add(report: ProblemReport): Promise<void>;
  /** Throws NOT_FOUND. Withdrawn already: as it is. */
  withdraw(id: string, word: { readonly at: number; readonly by: string }): Promise<ProblemReport>;
  /** All that there are, oldest first. Throws STATE_CORRUPT where one cannot be read: none is left out silently. */
  list(): Promise<readonly ProblemReport[]>;
}

export const unknownReport = (id: string): BackoutError =>
  new BackoutError("NOT_FOUND", `there is no report "${id}"`, {
    effect: "none",
    hint: "backout report-problem --list",
  });

/** Two people mean the same issue whatever blanks and capitals they write. */
export const sameIssue = (issue: string): string => issue.trim().replace(/\s+/g, " ").toLowerCase();

export interface Counted {
  readonly kinds: readonly ProblemKind[];
  /** Only reports of it. */
  readonly issue?: string | undefined;
  /** Only those not older, milliseconds. */
  readonly over: number;
  readonly environment: string;
}

/** Those that stand: of the kind, the issue, the environment, young enough and not withdrawn. */
export const standing = (
  reports: readonly ProblemReport[],
  { kinds, issue, over, environment }: Counted,
  now: number,
): ProblemReport[] =>
  reports.filter(
    (report) =>
      report.withdrawn === undefined &&
      report.environment === environment &&
      kinds.includes(report.kind) &&
      report.at > now - over &&
      (issue === undefined || sameIssue(report.issue ?? "") === sameIssue(issue)),
  );

/** How often the issue that is reported most is, and which it is. Reports without an issue have none in common. */
export function mostReported(
  reports: readonly ProblemReport[],
): { readonly issue: string; readonly count: number } | undefined {
  const counts = new Map<string, { issue: string; count: number }>();
  for (const { issue } of reports) {
    if (issue === undefined) continue;
    const known = counts.get(sameIssue(issue)) ?? { issue, count: 0 };
    counts.set(sameIssue(issue), { ...known, count: known.count + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0];
}
