export interface Reading {
  readonly value: number;
  /** `ms`, `ratio`, `status`: for people. */
  readonly unit?: string;
  /** Where the source says itself when it measured: milliseconds since the epoch. Default: now. */
  readonly at?: number;
  /** What was asked, as resolved, where that is not plain from the options: for the evidence. */
  readonly asked?: string;
}

/** A stretch of the past: one moment at `from`, one at every `every` after it, up to `to`. Milliseconds. */
export interface PastSpan {
  readonly from: number;
  readonly to: number;
  readonly every: number;
}

/** What would have been read at that moment. */
export type PastReading =
  | { readonly at: number; readonly value: number }
  /** Could not be measured, and why. */
  | { readonly at: number; readonly error: string };
