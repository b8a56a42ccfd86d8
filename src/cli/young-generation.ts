import { setFlagsFromString } from "node:v8";

/** V8's own flag: where it was not tried, memory for new objects grows as usual. */
function growBy(factor: number): void {
  if (process.versions.v8.startsWith("11.3.")) setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}

/**
 * For a command that reads much and ends soon: it goes on with the little memory for new objects that V8 begins with. Most of
 * what is read is gone at once, and a process of half a second pays more for fresh memory than for collecting more often.
 */
export const keepYoungGenerationSmall = (): void => growBy(1);

/** As V8 begins. The build needs it: what V8 has compiled is taken only by a process with the same flags. */
export const letYoungGenerationGrow = (): void => growBy(2);
