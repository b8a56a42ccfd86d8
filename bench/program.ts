import { fileURLToPath } from "node:url";

/** The built command line, beside the built bench. */
export const backout = fileURLToPath(new URL("./backout.js", import.meta.url));
