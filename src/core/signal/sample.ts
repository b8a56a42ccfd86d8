/** One reading of a signal, or the fact that it could not be read. Plain data. */
export interface Sample {
  readonly signal: string;
  /** When it was measured, as far as the source tells, else read; milliseconds since the epoch. */
  readonly at: number;
  /** Absent where it could not be measured: then `error` says why. Never zero for "not there". */
  readonly value?: number;
  readonly error?: string;
  /** What may help against the error. */
  readonly hint?: string;
  readonly unit?: string;
  /** What the source was asked, as resolved: for the evidence. */
  readonly asked?: string;
}

/** How old a sample may be before it no longer says anything. */
export const staleAfter = ({ every, timeout, stale }: Reader): number => stale ?? 2 * every + timeout;

interface Reader {
  readonly every: number;
  readonly timeout: number;
  readonly stale?: number | undefined;
}
