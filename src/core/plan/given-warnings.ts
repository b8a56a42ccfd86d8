import type { CapturedPart } from "../driver.js";
import { type Problem, warning } from "../errors.js";

/** What somebody else has made comes back: where it is from, and what it cannot tell. */
export const givenWarnings = (target: string, { given, summary }: CapturedPart): Problem[] =>
  given === undefined
    ? []
    : [
        warning(target, `comes back out of a file that was given, "${given.path}": ${summary}`),
        ...given.notes.map((note) => warning(target, note)),
      ];
