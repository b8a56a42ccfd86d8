import { createHash } from "node:crypto";
import { canonicalJson } from "./json.js";

/** `sha256:<hex>` over the canonical JSON of any plain value. */
export function contentDigest(value: unknown): string {
  return digestOfText(canonicalJson(value));
}

const pieceLength = 65_536;

/** The same of a text that is canonical JSON already, from a place in it on, and of what stands before. */
export function digestOfText(text: string, from = 0, before = ""): string {
  const hash = createHash("sha256").update(before);
  // Piece by piece: as a whole, the bytes of a plan of 10,000 steps are megabytes of fresh memory.
  for (let start = from; start < text.length; ) {
    const end = pieceEnd(text, start);
    hash.update(text.slice(start, end));
    start = end;
  }
  return `sha256:${hash.digest("hex")}`;
}

/** Not between the two halves of a letter. */
function pieceEnd(text: string, start: number): number {
  const end = Math.min(text.length, start + pieceLength);
  return end < text.length && isFirstHalf(text.charCodeAt(end - 1)) ? end + 1 : end;
}

const isFirstHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

const partBytes = 2 ** 18;

/** Of all that is read; `read` fills what it is given and says how many bytes, 0 at the end. For files: a stream takes several times as long for small ones. */
export async function readDigest(read: (part: Uint8Array) => Promise<number>): Promise<string> {
  const hash = createHash("sha256");
  const part = Buffer.allocUnsafe(partBytes);
  for (let length = await read(part); length > 0; length = await read(part))
    hash.update(part.subarray(0, length));
  return `sha256:${hash.digest("hex")}`;
}
