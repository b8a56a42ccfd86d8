import { lossTotals } from "../../core/report/data-lost.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Report } from "../../core/report/report-types.js";
import type { Fact } from "../../core/run/fact.js";
import { type Palette, palette } from "./colour.js";
import { factLines, nameWidthOf } from "./fact-lines.js";
import { ageText, countText, durationText, localText } from "./format.js";
import { type Cell, hanging, table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** Runs as a table, newest first, each with its reason. */
export function renderHistory(reports: readonly Report[], options: RenderOptions): string {
  if (reports.length === 0) return "there has been no run yet";
  const paint = palette(options.colour);
  const newest = reports.toReversed();
  const header = ["run", "when", "scenario", "outcome", "took", "writes lost"].map((text) => ({
    text,
    paint: paint.dim,
  }));
  const rows = newest.map((report): (Cell | string)[] => [
    report.run,
    report.requested === undefined ? "" : ageText(report.requested.at, options.now),
    plainText(report.scenario),
    outcomeCell(report, paint),
    report.durationMs === undefined ? "" : durationText(report.durationMs),
    lostCell(report),
  ]);
  const columns = [
    {},
    { optional: 1 },
    { min: 8, optional: 2 },
    {},
    { align: "right" },
    { align: "right", optional: 3 },
  ] as const;
  const lines = table([header, ...rows], columns, { width: options.width });
  return lines
    .flatMap((line, index) => {
      const report = newest[index - 1];
      if (report?.requested === undefined) return [line];
      const { at, by, reason } = report.requested;
      const about = `${localText(at, options.utcOffset)} by ${by}: ${reason}`;
      return [line, ...hanging("  ", plainText(about), options.width, { text: paint.dim })];
    })
    .join("\n");
}

function lostCell({ dataLost }: Report): string {
  const { inserted, updated, deleted, uncounted } = lossTotals(dataLost);
  const sum = inserted + updated + deleted;
  if (uncounted > 0) return sum === 0 ? "unknown" : `over ${countText(sum)}`;
  return sum === 0 ? "none" : countText(sum);
}

function outcomeCell(report: Report, paint: Palette): Cell {
  if (report.status === "stopped") return { text: "stopped", paint: paint.bad };
  if (report.outcome === undefined) return { text: "unfinished", paint: paint.warn };
  const colour = { verified: paint.good, unverified: paint.warn, failed: paint.bad, cancelled: paint.warn };
  return { text: report.outcome, paint: colour[report.outcome] };
}

/** The facts of one run, one line each, with the dates where the day changes. */
export function renderFacts(facts: readonly Fact[], options: RenderOptions): string {
  const paint = palette(options.colour);
  const nameWidth = nameWidthOf(facts.map((fact) => ("step" in fact ? (fact.step ?? "") : "")));
  let day = "";
  return facts
    .flatMap((fact) => {
      const today = localText(fact.at, options.utcOffset).slice(0, 10);
      const heading = today === day ? [] : [paint.dim(today)];
      day = today;
      return [
        ...heading,
        ...factLines(fact, { colour: options.colour, nameWidth, utcOffset: options.utcOffset }),
      ];
    })
    .join("\n");
}
