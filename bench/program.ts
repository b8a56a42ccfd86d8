import { dirname, join } from "node:path";

/** The folder of the built bench: chunks of it lie elsewhere, so that their own place says nothing. */
const dist = dirname(process.argv[1] ?? "");

/** The built command line. */
export const backout = join(dist, "backout.js");
export const repository = join(dist, "..");
/** The built demo. */
export const demo = join(dist, "demo.js");
/** The demo's system. */
export const example = join(repository, "examples", "demo-app");
