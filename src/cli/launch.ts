import { readFileSync } from "node:fs";
import { Script } from "node:vm";

/** Name of the program's file, without ending. Put in by the build (docs/adr/0005-compiled-code-beside-the-program.md). */
declare const BACKOUT_PROGRAM: string;

const beside = (ending: string): string => `${__dirname}/program/${BACKOUT_PROGRAM}.${ending}`;

/** What V8 made of the program when it was built; nothing where that was another node. */
function compiled(): Buffer | undefined {
  try {
    return readFileSync(beside(`${process.version}-${process.platform}-${process.arch}`));
  } catch {
    return undefined;
  }
}

const filename = beside("cjs");
const cachedData = compiled();
const script = new Script(readFileSync(filename, "latin1"), { filename, ...(cachedData && { cachedData }) });
const program = script.runInThisContext() as (require: NodeJS.Require) => void;
program(require);
