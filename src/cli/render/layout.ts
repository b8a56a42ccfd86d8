import type { Paint } from "./colour.js";
import { graphemes, textWidth } from "./text-width.js";

/** Below this many columns nothing is put side by side. */
export const narrowest = 40;

export interface Cell {
  readonly text: string;
  readonly paint?: Paint;
}

export interface Column {
  readonly align?: "right";
  /** May be cut down to this many columns where the room is short. */
  readonly min?: number;
  /** Left out where even that is not enough; the lowest number first. */
  readonly optional?: number;
}

/** Ends in `…` where something was cut off. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  let kept = "";
  let used = 0;
  for (const segment of graphemes(text)) {
    used += textWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

export const pad = (text: string, width: number, align?: "right"): string => {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "right" ? space + text : text + space;
};

/** Not between a number and its unit. */
const breaks = / (?!(?:ms|s|min|h|d)\b)/;

/** Breaks between words; a word that is too long stays whole, so that a command or path can be copied. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(breaks)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** `name  prose that goes on below itself`. */
export function hanging(
  label: string,
  text: string,
  width: number,
  paint: { label?: Paint; text?: Paint } = {},
): string[] {
  const indent = textWidth(label);
  const room = width - indent;
  const lines = room < 16 ? [text] : wrapText(text, room);
  return lines.map((line, index) => {
    const head = index === 0 ? label : " ".repeat(indent);
    return (index === 0 && paint.label ? paint.label(head) : head) + (paint.text ? paint.text(line) : line);
  });
}

/** Aligned columns, one line for each row. Cells are cut and columns left out so that no line is wider than `width`. */
export function table(
  rows: readonly (readonly (Cell | string)[])[],
  columns: readonly Column[],
  { width, indent = 0, gap = 2 }: { readonly width: number; readonly indent?: number; readonly gap?: number },
): string[] {
  const cells = rows.map((row) =>
    row.map((cell): Cell => (typeof cell === "string" ? { text: cell } : cell)),
  );
  const margin = " ".repeat(indent);
  if (width < narrowest) {
    return cells.map((row) =>
      row
        .filter(({ text }) => text !== "")
        .map(({ text, paint }) => (paint ? paint(text) : text))
        .join(" "),
    );
  }
  const widths = fit(naturalWidths(cells, columns.length), columns, width - indent, gap);
  const shown = columns.flatMap((_, index) => ((widths[index] ?? 0) > 0 ? [index] : []));
  return cells.map((row) => {
    const parts = shown.map((index) => {
      const { text = "", paint } = row[index] ?? {};
      const cut = truncate(text, widths[index] ?? 0);
      const padded = pad(cut, widths[index] ?? 0, columns[index]?.align);
      return paint && cut !== "" ? padded.replace(cut, () => paint(cut)) : padded;
    });
    return (margin + parts.join(" ".repeat(gap))).trimEnd();
  });
}

function naturalWidths(rows: readonly (readonly Cell[])[], count: number): number[] {
  const widths = new Array<number>(count).fill(0);
  for (const row of rows) {
    for (const [index, { text }] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, textWidth(text));
    }
  }
  return widths;
}

/** Cuts from the widest column that may be cut; then leaves columns out; then cuts again. Zero: left out. */
function fit(natural: readonly number[], columns: readonly Column[], room: number, gap: number): number[] {
  const widths = [...natural];
  const excess = (): number => {
    const shown = widths.filter((width) => width > 0);
    return shown.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, shown.length - 1) - room;
  };
  const smallest = (index: number): number => columns[index]?.min ?? Number.POSITIVE_INFINITY;
  const shrink = (): void => {
    for (let over = excess(); over > 0; over = excess()) {
      const able = widths.map((width, index) => Math.max(0, width - smallest(index)));
      const most = able.indexOf(Math.max(...able));
      if ((able[most] ?? 0) === 0) return;
      const next = Math.max(0, ...able.filter((_, index) => index !== most));
      const step = Math.min(over, Math.max(1, (able[most] ?? 0) - next), able[most] ?? 0);
      widths[most] = (widths[most] ?? 0) - step;
    }
  };
  shrink();
  const order = columns
    .map(({ optional }, index) => ({ optional, index }))
    .filter((one) => one.optional !== undefined)
    .toSorted((a, b) => (a.optional ?? 0) - (b.optional ?? 0));
  for (const { index } of order) {
    if (excess() <= 0) break;
    widths[index] = 0;
    for (const [other, width] of natural.entries()) if ((widths[other] ?? 0) > 0) widths[other] = width;
    shrink();
  }
  const last = widths.findLastIndex((width) => width > 0);
  if (excess() > 0) widths[last] = Math.max(1, (widths[last] ?? 0) - excess());
  return widths;
}
