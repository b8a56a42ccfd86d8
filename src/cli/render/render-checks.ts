import type { Check } from "../../core/driver.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Paint, type Palette, palette } from "./colour.js";
import { listText, plural } from "./format.js";
import { hanging, table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

export interface CheckGroup {
  readonly subject: string;
  readonly checks: readonly Check[];
}

/** Each result in a line; below those that did not pass what was expected and what was found. Numbers at the end. */
export function renderChecks(groups: readonly CheckGroup[], options: RenderOptions): string {
  const paint = palette(options.colour);
  const all = groups.flatMap(({ subject, checks }) => checks.map((check) => ({ subject, check })));
  const lines = table(
    all.map(({ subject, check }) => {
      const { symbol, colour, word } = resultWords(check.result, paint);
      return [
        { text: symbol, paint: colour },
        plainText(subject),
        plainText(check.name),
        {
          text: check.result === "passed" ? plainText(check.actual ?? "") : word,
          paint: check.result === "passed" ? paint.dim : colour,
        },
      ];
    }),
    [{}, { min: 8 }, { min: 12 }, { min: 17, optional: 1 }],
    { width: options.width },
  );
  const rows = all.flatMap(({ check }, index) => [lines[index] ?? "", ...explain(check, options, paint)]);
  return [
    ...rows,
    "",
    totals(
      all.map(({ check }) => check),
      paint,
    ),
  ].join("\n");
}

export function resultWords(
  result: Check["result"],
  paint: Palette,
): { symbol: string; colour: Paint; word: string } {
  if (result === "passed") return { symbol: "✓", colour: paint.good, word: "passed" };
  if (result === "failed") return { symbol: "✗", colour: paint.bad, word: "FAILED" };
  return { symbol: "?", colour: paint.warn, word: "could not measure" };
}

function explain(check: Check, { width }: RenderOptions, paint: Palette): string[] {
  if (check.result === "passed") return [];
  const facts: [string, string | undefined][] = [
    ["", check.message],
    ["expected  ", check.expected],
    ["found     ", check.expected === undefined ? undefined : (check.actual ?? "nothing")],
  ];
  return facts.flatMap(([label, text]) =>
    text === undefined ? [] : hanging(`    ${label}`, plainText(text), width, { label: paint.dim }),
  );
}

function totals(checks: readonly Check[], paint: Palette): string {
  const count = (result: Check["result"]): number => checks.filter((check) => check.result === result).length;
  const [passed, failed, unknown] = [count("passed"), count("failed"), count("error")];
  const parts = [
    ...(failed > 0 ? [`${plural(failed, "check")} failed`] : []),
    ...(unknown > 0 ? [`${plural(unknown, "check")} could not be measured`] : []),
    ...(passed > 0 ? [`${plural(passed, "check")} passed`] : []),
  ];
  const colour = failed > 0 ? paint.bad : unknown > 0 ? paint.warn : paint.good;
  return colour(listText(parts));
}
