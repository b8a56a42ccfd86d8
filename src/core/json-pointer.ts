import * as z from "zod";
import type { Json } from "./json.js";

/** A place in a JSON document (RFC 6901): `""` is the whole of it, `/queue/0/depth` goes down by keys and indexes. */
export const jsonPointer = z
  .string()
  .regex(
    /^(\/([^~/]|~[01])*)*$/,
    'a JSON pointer begins with "/" before each key, e.g. "/status/depth"; "~" in a key is written "~0", "/" is "~1"',
  );

const unescape = (key: string): string => key.replaceAll("~1", "/").replaceAll("~0", "~");
const index = /^(0|[1-9]\d*)$/;

/** The value at the pointer, `undefined` where the document has nothing there. */
export function valueAt(document: Json, pointer: string): Json | undefined {
  let at: Json | undefined = document;
  for (const key of pointer.split("/").slice(1).map(unescape)) {
    if (at === null || typeof at !== "object") return undefined;
    if (Array.isArray(at)) at = index.test(key) ? (at as readonly Json[])[Number(key)] : undefined;
    else at = Object.hasOwn(at, key) ? (at as { readonly [key: string]: Json })[key] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}
