import { lostText, outcomeText, rpoText, rtoText } from "../../core/report/markdown.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Report, ReportStep } from "../../core/report/report-types.js";
import { type Paint, type Palette, palette } from "./colour.js";
import { durationText, plural } from "./format.js";
import { hanging, table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { hintLines } from "./render-problems.js";

/** The last words after a run: what went wrong first, then how it ended, what it cost, and what to type next. */
export function renderRunEnd(report: Report, options: RenderOptions): string {
  const paint = palette(options.colour);
  const blocks = [
    failureLines(report, options, paint),
    [...headline(report, options, paint), ...figures(report, options, paint)],
    nextLines(report, options, paint),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

function failureLines(
  { firstFailure: first, checks }: Report,
  { width }: RenderOptions,
  paint: Palette,
): string[] {
  if (first === undefined) return [];
  const others = checks.filter(
    ({ result, step }) => result !== "passed" && result !== "not-run" && step !== first.step,
  );
  return [
    ...hanging("✗ ", plainText(`${first.step}: ${first.message}`), width, {
      label: paint.bad,
      text: paint.bad,
    }),
    ...(first.undecided === undefined
      ? []
      : hanging("  looked: ", plainText(first.undecided), width, { label: paint.dim })),
    ...(first.hint === undefined ? [] : hintLines(first.hint, width)),
    ...(others.length === 0 ? [] : [paint.bad(`  and ${plural(others.length, "more check")} did not pass`)]),
  ];
}

function headline(report: Report, { width }: RenderOptions, paint: Palette): string[] {
  const { symbol, text, colour } = ending(report, paint);
  return hanging(`${symbol} `, text, width, { label: colour, text: (line) => paint.strong(colour(line)) });
}

function ending(report: Report, paint: Palette): { symbol: string; text: string; colour: Paint } {
  const took = report.durationMs === undefined ? "" : durationText(report.durationMs);
  const done = report.steps.filter(({ status }) => status === "succeeded" || status === "skipped").length;
  const progress = `${done} of ${plural(report.steps.length, "step")} done`;
  if (report.status === "stopped") {
    return {
      symbol: "■",
      text: `stopped half-way after ${took}, ${progress}; what is done stays done`,
      colour: paint.warn,
    };
  }
  if (report.status !== "finished") {
    return {
      symbol: "■",
      text: `interrupted after ${took}, ${progress}; the run can be resumed`,
      colour: paint.warn,
    };
  }
  const text = `${outcomeText(report)}${took === "" ? "" : `, after ${took}`}`;
  if (report.outcome === "verified") return { symbol: "✓", text, colour: paint.good };
  if (report.outcome === "unverified") return { symbol: "!", text, colour: paint.warn };
  return { symbol: "✗", text, colour: paint.bad };
}

function figures(report: Report, { width }: RenderOptions, paint: Palette): string[] {
  const { rto, rpo, dataLost, irreversible } = report;
  const lost = lostText(report);
  const unsure = dataLost.some(({ certain }) => !certain) ? ", or part of it: not known" : "";
  const done = irreversible.filter((one) => one.done);
  const rolledBack = report.outcome === "verified" || report.outcome === "unverified";
  const rows: [string, string, Paint | undefined][] = [];
  if (rolledBack) rows.push(["RTO", rtoText(rto), rto.verdict === "missed" ? paint.bad : undefined]);
  if (rolledBack && rpo.measuredMs !== undefined)
    rows.push(["RPO", rpoText(rpo), rpo.verdict === "missed" ? paint.bad : undefined]);
  if (lost !== undefined) rows.push(["lost", `${lost}${unsure}`, paint.warn]);
  else if (rolledBack) rows.push(["lost", "no data", undefined]);
  if (done.length > 0) {
    rows.push(["undo", `not possible for ${done.map(({ step }) => step).join(", ")}`, paint.warn]);
  }
  return rows.flatMap(([label, text, colour]) =>
    hanging(`  ${label.padEnd(4)}  `, plainText(text), width, {
      label: paint.dim,
      ...(colour ? { text: colour } : {}),
    }),
  );
}

function nextLines(report: Report, { width }: RenderOptions, paint: Palette): string[] {
  const rows = nextCommands(report).map(([command, why]) => [
    { text: plainText(command), paint: paint.accent },
    { text: why, paint: paint.dim },
  ]);
  return [paint.dim("next"), ...table(rows, [{}, { min: 12, optional: 1 }], { width, indent: 2 })];
}

/** Whole commands, to be typed as they stand. */
function nextCommands(report: Report): [string, string][] {
  const told: [string, string] = [`backout report ${report.run}`, "the whole story, to send on"];
  if (report.status === "stopped") {
    return [
      ...openSteps(report).flatMap((id): [string, string][] => [
        [`backout retry ${id}`, "let it try again"],
        [`backout skip ${id} --reason '…'`, "go on without it"],
      ]),
      ["backout resume", "try again whatever failed, then go on"],
      ...fallbackCommand(report, "end this run, go the other way back"),
      ["backout cancel", "end the run as it is now"],
      told,
    ];
  }
  if (report.status !== "finished") {
    return [["backout resume", "go on"], ["backout cancel", "end the run as it is now"], told];
  }
  if (report.outcome === "verified") return [told];
  if (report.outcome === "unverified") return [["backout verify", "ask the checks again"], told];
  const { scenario } = report;
  return [
    ...fallbackCommand(report, "the other way back"),
    [`backout plan ${scenario}`, "look at what there is to do now"],
    told,
  ];
}

const fallbackCommand = ({ fallback }: Report, why: string): [string, string][] =>
  fallback === undefined ? [] : [[`backout rollback ${fallback}`, why]];

const openSteps = ({ steps, firstFailure }: Report): string[] => {
  const open = steps.filter((step: ReportStep) => isOpen(step)).map(({ id }) => id);
  const first = firstFailure?.step;
  return (
    first !== undefined && open.includes(first) ? [first, ...open.filter((id) => id !== first)] : open
  ).slice(0, 3);
};

const isOpen = ({ status, kind }: ReportStep): boolean =>
  status === "undecided" || (status === "failed" && kind === "apply");
