import { excerpt } from "../../clients/http-api/excerpt.js";
import type { Json } from "../../core/json.js";
import { valueAt } from "../../core/json-pointer.js";

/** A longer body arrives without its end (`HttpResponse`). */
const bodyLimit = 1024 * 1024;

export type Found = { readonly value: Json | undefined } | { readonly unreadable: string };

/** What a JSON body has at the pointer, or why it cannot be read. */
export function findInBody(body: string, pointer: string): Found {
  try {
    return { value: valueAt(JSON.parse(body) as Json, pointer) };
  } catch {
    const why =
      Buffer.byteLength(body) >= bodyLimit
        ? "is longer than 1 MiB, of which only the beginning is read"
        : "is no JSON";
    return { unreadable: `the body ${why}: ${excerpt(body)}` };
  }
}
