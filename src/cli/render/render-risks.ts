import type { RiskMatrix, RiskRow } from "../../core/playbook/risk-matrix.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { durationText, listText } from "./format.js";
import { type Cell, table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** A line a change, below them what the promises add up to. */
export function renderRisks(matrix: RiskMatrix, { colour, width }: RenderOptions): string {
  const paint = palette(colour);
  const { rows, unpromised, inSequenceMs, sideBySideMs } = matrix;
  if (rows.length === 0) return "the playbook names no changes";
  const head = ["change", "risk", "rolls back in", "targets", "not beside"].map((text) => ({
    text,
    paint: paint.dim,
  }));
  const lines = table(
    [head, ...rows.map((row) => cells(row, paint))],
    [{ min: 8 }, {}, {}, { min: 10 }, { min: 10, optional: 1 }],
    { width, indent: 0 },
  );
  const sum = (text: string, ms: number): string =>
    `${text}  ${durationText(ms)}${against(matrix, ms, paint)}`;
  return [
    ...lines,
    "",
    sum("one after the other", inSequenceMs),
    sum("side by side       ", sideBySideMs),
    ...(unpromised.length === 0
      ? []
      : [paint.warn(`not counted: ${listText(unpromised)}, without a promised time`)]),
  ].join("\n");
}

function cells({ change, risk, targets, shares, promisedMs }: RiskRow, paint: Palette): (Cell | string)[] {
  const high = risk === "high" || risk === "critical";
  return [
    plainText(change),
    { text: risk ?? "not said", paint: high ? paint.bad : risk === "medium" ? paint.warn : paint.dim },
    promisedMs === undefined ? "no promise" : durationText(promisedMs),
    targets.join(", "),
    { text: shares.length === 0 ? "" : shares.join(", "), paint: paint.dim },
  ];
}

function against({ objectiveMs }: RiskMatrix, ms: number, paint: Palette): string {
  if (objectiveMs === undefined) return "";
  const objective = `objective ${durationText(objectiveMs)}`;
  return ms <= objectiveMs
    ? `, within the ${objective}`
    : `, ${paint.bad(`${durationText(ms - objectiveMs)} longer`)} than the ${objective}`;
}
