import { factText } from "../../core/report/fact-text.js";
import type { Fact } from "../../core/run/fact.js";
import { type Paint, palette } from "./colour.js";
import { preciseText } from "./format.js";
import { pad } from "./layout.js";

export interface FactLineStyle {
  readonly colour: boolean;
  /** Columns for the step's id, so that lines stand below each other. */
  readonly nameWidth: number;
  readonly utcOffset?: number | undefined;
}

/** `12:03:04.120  db.swap  done in 84 ms: …`, and its hint on a line of its own. Never cut: it may go to a file. */
export function factLines(fact: Fact, { colour, nameWidth, utcOffset }: FactLineStyle): string[] {
  const paint = palette(colour);
  const { subject, text, tone, hint } = factText(fact);
  const tones: Record<typeof tone, Paint> = {
    plain: String,
    good: paint.good,
    warn: paint.warn,
    bad: paint.bad,
  };
  const time = preciseText(fact.at, utcOffset);
  return [
    `${paint.dim(time)}  ${pad(subject, nameWidth)}  ${tones[tone](text)}`,
    ...(hint === undefined ? [] : [`${" ".repeat(time.length + nameWidth + 4)}hint: ${hint}`]),
  ];
}

export const nameWidthOf = (ids: readonly string[]): number =>
  Math.min(
    32,
    ids.reduce((most, id) => Math.max(most, id.length), 3),
  );
