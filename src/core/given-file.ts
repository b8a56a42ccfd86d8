/** What a person names in place of a capture. It is there, is not empty, and may be read. */
export interface GivenFile {
  /** Absolute; links were followed. */
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly size: number;
  /** When it was last written, milliseconds since the epoch. */
  readonly modified: number;
}

/** What a driver adds to what it read out of a given file. */
export interface FromFile {
  /** When what it holds was so, by its own word, milliseconds since the epoch. Absent where it does not say. */
  readonly at?: number;
  /** What it cannot tell, and what holds in its place: a sentence each, shown with the checkpoint and in every plan. */
  readonly notes: readonly string[];
}

/** Of a part of a checkpoint that was not captured. */
export interface GivenOrigin {
  readonly path: string;
  readonly notes: readonly string[];
}
