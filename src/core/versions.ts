import type { JsonObject } from "./json.js";

/** A place that a target could be brought back to. */
export interface Version {
  readonly name: string;
  /** Commit or digest, where naming it costs nothing. */
  readonly identity?: string;
  /** For people: the subject of a commit, `current`. */
  readonly summary: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

/** Something that `init` found in a folder and could put into a playbook. */
export interface Discovered {
  /** Suggested name of the target. */
  readonly name: string;
  readonly with: JsonObject;
  /** What was seen, for the comment above it. */
  readonly because: string;
}
