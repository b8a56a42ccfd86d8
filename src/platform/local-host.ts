import type { Host } from "../core/ports.js";
import { type ExecuteOptions, execute } from "./execute.js";
import { localFiles } from "./local-files.js";

/** This machine. */
export function localHost(options: ExecuteOptions): Host {
  return {
    name: "localhost",
    exec: (command) => execute(command, options),
    variable: async (name) => process.env[name],
    files: localFiles(options.baseDir),
  };
}
