/** One measured number with what it is held against. */
export interface Figure {
  readonly area: string;
  readonly figure: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: string;
  /** `<= 3`; absent where the number is only told. */
  readonly bound?: string;
  readonly holds?: boolean;
  /** What it was compared with in the same run, and the rounds' spread. */
  readonly against: string;
}

export interface Measured {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

export function summarise(values: readonly number[]): Measured {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median, min: at(0), max: at(sorted.length - 1), rounds: sorted.length };
}

export interface Bounded {
  readonly area: string;
  readonly figure: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly most?: number;
  readonly against: string;
}

/** The median decides, not the best round. */
export function figure({ area, figure: name, unit, values, most, against }: Bounded): Figure {
  const { median, min, max, rounds } = summarise(values);
  const spread = `${rounds} round${rounds === 1 ? "" : "s"}, ${round(min)} to ${round(max)} ${unit}`;
  const bound = most === undefined ? {} : { bound: `<= ${most}`, holds: median <= most };
  return { area, figure: name, value: round(median), unit, ...bound, against: `${against}; ${spread}` };
}

export const round = (value: number): number => Number(value.toPrecision(4));
