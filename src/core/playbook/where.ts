import type { Problem } from "../errors.js";

export type Segment = string | number;
export type Path = readonly Segment[];

/** `targets.db.uses[0]`; a key that is no plain word stands in brackets: `with.headers["X.Y"]`. */
export const pathText = (path: Path): string => path.reduce<string>(childPath, "");

function childPath(parent: string, segment: Segment): string {
  if (typeof segment === "number") return `${parent}[${segment}]`;
  if (!/^[\w-]+$/.test(segment)) return `${parent}[${JSON.stringify(segment)}]`;
  return parent === "" ? segment : `${parent}.${segment}`;
}

/** Offsets into the text. */
export interface Spot {
  readonly key?: number;
  readonly value: number;
}

/** Where each path of a playbook stands in its file. */
export interface Where {
  readonly file: string;
  readonly text: string;
  readonly find: (path: Path) => Spot | undefined;
  readonly place: (offset: number) => { line: number; column: number };
}

/** Line and column of an offset, both from 1. The lines are looked for when first asked. */
export function placeIn(text: string): Where["place"] {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: Math.max(offset - (starts[low] ?? 0), 0) + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
}

/** What a problem points at. */
export interface Target {
  /** Default: the value. What stands nowhere is looked for one level up, as far as needed. */
  readonly part?: "key" | "value";
  /** Known already. */
  readonly offset?: number;
  /** A character of the value's text: found where the text stands in the file as it is (no folding, no escapes). */
  readonly inside?: { readonly text: string; readonly offset: number };
}

export function locate(where: Where, path: Path, { part = "value", inside }: Target = {}): number {
  const spot = where.find(path);
  if (spot === undefined) {
    return path.length === 0 ? 0 : locate(where, path.slice(0, -1), { part: "key" });
  }
  if (part === "key") return spot.key ?? spot.value;
  if (inside === undefined) return spot.value;
  const quote = where.text[spot.value];
  const start = quote === '"' || quote === "'" ? spot.value + 1 : spot.value;
  return where.text.startsWith(inside.text.slice(0, inside.offset), start)
    ? start + inside.offset
    : spot.value;
}

/** Collects the problems of one file, each with its position. */
export interface ProblemList {
  readonly problems: readonly Problem[];
  error(path: Path, message: string, hint?: string, target?: Target): void;
  warn(path: Path, message: string, hint?: string, target?: Target): void;
  /** Whether an error stands at exactly this path. */
  failed(path: Path): boolean;
}

export function problemList(where: Where, before: readonly Problem[] = []): ProblemList {
  const problems = [...before];
  const failed = new Set(before.filter((one) => one.severity === "error").map((one) => one.path));
  const add = (severity: Problem["severity"], at: Path, message: string, hint?: string, target?: Target) => {
    const path = pathText(at);
    if (severity === "error") failed.add(path);
    problems.push({
      severity,
      path,
      message,
      ...(hint === undefined ? {} : { hint }),
      file: where.file,
      ...where.place(target?.offset ?? locate(where, at, target)),
    });
  };
  return {
    problems,
    error: (...problem) => add("error", ...problem),
    warn: (...problem) => add("warning", ...problem),
    failed: (path) => failed.has(pathText(path)),
  };
}

export const inOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
