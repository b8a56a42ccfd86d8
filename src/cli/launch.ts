import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Name of the program's file, without ending. Put in by the build (docs/adr/0005-compiled-code-beside-the-program.md). */
declare const BACKOUT_PROGRAM: string;

const require = createRequire(import.meta.url);
// Imported, node would make the streams too, which most commands need not.
const { readFileSync } = require("node:fs") as typeof import("node:fs");
const { Script } = require("node:vm") as typeof import("node:vm");

const pathOf = (ending: string): string =>
  fileURLToPath(new URL(`program/${BACKOUT_PROGRAM}.${ending}`, import.meta.url));

/** What V8 made of the program when it was built; nothing where that was another node. */
function compiled(): Buffer | undefined {
  try {
    return readFileSync(pathOf(`${process.version}-${process.platform}-${process.arch}`));
  } catch {
    return undefined;
  }
}

const filename = pathOf("cjs");
const cachedData = compiled();
const script = new Script(readFileSync(filename, "latin1"), { filename, ...(cachedData && { cachedData }) });
const program = script.runInThisContext() as (require: NodeJS.Require) => void;
program(require);
