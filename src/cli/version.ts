declare const BACKOUT_VERSION: string;

/** Put in by the build from package.json. */
export const version: string = typeof BACKOUT_VERSION === "string" ? BACKOUT_VERSION : "0.0.0-development";
