import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Script } from "node:vm";

type Require = (name: string) => unknown;
type Modules = Readonly<Record<string, () => unknown>>;
type Pack = (require: Require, module: { exports: Modules }) => void;

/** The two packs of the program (docs/adr/0005-compiled-code-beside-the-program.md): their paths without ending. */
export interface Packs {
  readonly early: string;
  /** Read whole when something of it is needed first. */
  readonly later: string;
}

/**
 * Reads a pack and, where the build ran on such a node, what V8 compiled of it then. One after the other through the
 * same memory: fresh memory costs a process more than what is read into it.
 */
export function readPack(pack: string): Script {
  const filename = `${pack}.cjs`;
  const compiled = `${pack}.${process.version}-${process.platform}-${process.arch}`;
  const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const memory = Buffer.allocUnsafeSlow(Math.max(size(filename), size(compiled)));
  const source = readInto(memory, filename).toString("latin1");
  if (size(compiled) === 0) return new Script(source, { filename });
  return new Script(source, { filename, cachedData: readInto(memory, compiled) });
}

function readInto(memory: Buffer, path: string): Buffer {
  const file = openSync(path, "r");
  try {
    let length = 0;
    for (let read = 1; read > 0 && length < memory.length; length += read) {
      read = readSync(file, memory, length, memory.length - length, null);
    }
    return memory.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** Runs the program. `require` is for all that is in neither pack. */
export function runProgram(packs: Packs, require: Require, read = readPack): void {
  const modules = new Map<string, Modules>();
  const requireFrom = (name: keyof Packs): Modules => {
    const module = { exports: modules.get(name) ?? {} };
    if (!modules.has(name)) {
      (read(packs[name]).runInThisContext() as Pack)(requireAny, module);
      modules.set(name, module.exports);
    }
    return module.exports;
  };
  const requireAny: Require = (name) => {
    const [, pack, path] = /^(early|later):(.*)$/.exec(name) ?? [];
    if (pack === undefined) return require(name);
    return requireFrom(pack as keyof Packs)[path ?? ""]?.();
  };
  requireAny("early:src/cli/main.ts");
}
