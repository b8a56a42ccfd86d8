import { runProgram } from "./load-program.js";

/** Names of the packs. Put in by the build. */
declare const BACKOUT_EARLY: string;
declare const BACKOUT_LATER: string;

const pathOf = (name: string): string => `${__dirname}/program/${name}`;

runProgram({ early: pathOf(BACKOUT_EARLY), later: pathOf(BACKOUT_LATER) }, require);
