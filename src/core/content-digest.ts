import { createHash } from "node:crypto";
import { canonicalJson } from "./json.js";

/** `sha256:<hex>` over the canonical JSON of any plain value. */
export function contentDigest(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalJson(value)).digest("hex")}`;
}
