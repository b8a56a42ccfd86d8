import type { ReportedProblem } from "../../app/report-problem.js";
import type { ProblemReport } from "../../core/problem-report/problem-report.js";
import { plainText } from "../../core/report/plain-text.js";
import { palette } from "./colour.js";
import { ageText } from "./format.js";
import { table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

export function renderReport({ report, alike }: ReportedProblem): string {
  const { id, kind, issue, environment } = report;
  const about = issue === undefined ? "" : ` of "${plainText(issue)}"`;
  const others = alike === 1 ? "the first" : `number ${alike}`;
  return `${id}: written down for ${environment}; ${others}${about} (${kind}) within an hour`;
}

/** A line a report, newest last. */
export function renderReports(
  reports: readonly ProblemReport[],
  { colour, width, now }: RenderOptions,
): string {
  const { dim } = palette(colour);
  if (reports.length === 0) return "nothing was reported";
  return table(
    reports.map(({ id, kind, issue, note, by, at, withdrawn }) => [
      id,
      kind,
      plainText(issue ?? ""),
      plainText(note ?? ""),
      plainText(by),
      { text: withdrawn === undefined ? ageText(at, now) : "withdrawn", paint: dim },
    ]),
    [{ min: 23 }, { min: 8 }, { min: 12 }, { min: 12, optional: 1 }, { min: 8, optional: 2 }, { min: 8 }],
    { width, indent: 0 },
  ).join("\n");
}
