import { BackoutError, type Problem, ProblemsError } from "../../core/errors.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { listText, plural } from "./format.js";
import { hanging } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** Every problem with its place first, those of one file together in the order of its lines, and their number. */
export function renderProblems(problems: readonly Problem[], options: RenderOptions): string {
  if (problems.length === 0) return "";
  return [...problemLines(problems, options), "", countLine(problems, palette(options.colour))].join("\n");
}

export function problemLines(problems: readonly Problem[], options: RenderOptions): string[] {
  const paint = palette(options.colour);
  const ordered = problems.map((one, index) => ({ one, index })).toSorted(byPlace);
  return ordered.flatMap(({ one }) => oneProblem(one, options, paint));
}

interface Indexed {
  readonly one: Problem;
  readonly index: number;
}

function byPlace(a: Indexed, b: Indexed): number {
  const [fileA, fileB] = [a.one.file ?? "", b.one.file ?? ""];
  if ((fileA === "") !== (fileB === "")) return fileA === "" ? 1 : -1;
  if (fileA !== fileB) return fileA < fileB ? -1 : 1;
  return (
    (a.one.line ?? 0) - (b.one.line ?? 0) || (a.one.column ?? 0) - (b.one.column ?? 0) || a.index - b.index
  );
}

function oneProblem(one: Problem, { width }: RenderOptions, paint: Palette): string[] {
  const colour = one.severity === "error" ? paint.bad : paint.warn;
  const place = placeOf(one);
  const path = plainText(one.path);
  const word = one.severity === "warning" ? "warning: " : "";
  const text = `${word}${path === "" ? "" : place === "" ? `${path}: ` : `${path}  `}${plainText(one.message)}`;
  const beside = place.length + 2 <= width / 2;
  return [
    ...(place !== "" && !beside ? [paint.dim(place)] : []),
    ...hanging(beside && place !== "" ? `${place}  ` : "  ", text, width, { label: paint.dim, text: colour }),
    ...(one.hint === undefined ? [] : hintLines(one.hint, width, 4)),
  ];
}

function placeOf({ file, line, column }: Problem): string {
  if (file === undefined) return "";
  return plainText([file, line, column].filter((part) => part !== undefined).join(":"));
}

function countLine(problems: readonly Problem[], paint: Palette): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  const parts = [
    ...(errors > 0 ? [plural(errors, "problem")] : []),
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
  ];
  return (errors > 0 ? paint.bad : paint.warn)(listText(parts));
}

export function hintLines(hint: string, width: number, indent = 2): string[] {
  return hanging(`${" ".repeat(indent)}hint: `, plainText(hint), width);
}

/** Any thrown value, for a person: what is wrong first, then every problem it carries, then what to do. */
export function renderError(error: unknown, options: RenderOptions): string {
  const paint = palette(options.colour);
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof BackoutError;
  const problems = error instanceof ProblemsError ? error.problems : [];
  const lines = [
    ...hanging("", plainText(known ? message : `unexpected: ${message}`), options.width, { text: paint.bad }),
    ...(known && error.hint !== undefined ? hintLines(error.hint, options.width) : []),
    ...(problems.length > 0 ? ["", ...problemLines(problems, options)] : []),
    ...(problems.length > 1 ? ["", countLine(problems, paint)] : []),
  ];
  return lines.join("\n");
}
