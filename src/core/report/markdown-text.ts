import { plainText } from "./plain-text.js";

/**
 * A value as Markdown shows it literally, on one line, in a table cell too: whatever has a meaning in Markdown or
 * HTML is escaped, so that a value can neither leave its cell nor become a heading, a link or markup.
 */
export function escapeMarkdown(value: string): string {
  return plainText(value)
    .trim()
    .replace(/[\\`*~[\]<>|&$]/g, "\\$&")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/^(?:[-=]|(?:#{1,6}|\+)(?=\s|$))/, "\\$&")
    .replace(/^(\d+)([.)])(?=\s|$)/, "$1\\$2");
}

/** Aligned for whoever reads the source. The first row is the header; `right` names columns of numbers. */
export function markdownTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const cells = rows.map((row) => row.map(escapeMarkdown));
  const [header = []] = cells;
  const widths = header.map((_, column) =>
    cells.reduce((most, row) => Math.max(most, [...(row[column] ?? "")].length), 3),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => padded(row[column] ?? "", width, right.includes(column))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (right.includes(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  return [line(header), rule, ...cells.slice(1).map(line)].join("\n");
}

function padded(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - [...text].length));
  return right ? space + text : text + space;
}

/** Lines as they came, in a fence that none of them can close. */
export function markdownFence(lines: readonly string[], language = "text"): string {
  const clean = lines.map(plainText);
  const longest = Math.max(2, ...clean.flatMap((line) => line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return [`${fence}${language}`, ...clean, fence].join("\n");
}
