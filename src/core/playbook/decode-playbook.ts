import type { Problem } from "../errors.js";

export interface Decoded {
  readonly text?: string;
  readonly problems: readonly Problem[];
}

const utf16 = (bytes: Uint8Array) =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);

function valid(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Length of the longest beginning without an invalid byte. */
function validLength(bytes: Uint8Array): number {
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (valid(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;

/** A playbook is UTF-8, strictly: a wrongly decoded name or path would be another one. */
export function decodePlaybook(bytes: Uint8Array, file: string): Decoded {
  const refuse = (message: string, hint: string, line = 1, column = 1): Decoded => ({
    problems: [{ severity: "error", path: "", message, hint, file, line, column }],
  });
  if (utf16(bytes)) {
    return refuse(
      "the file is UTF-16; a playbook is UTF-8",
      `iconv -f UTF-16 -t UTF-8 ${file} > playbook.yaml`,
    );
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), problems: [] };
  } catch {
    const length = validLength(bytes);
    // A first byte without its followers is not decoded: it is where the trouble begins.
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, length), {
      stream: true,
    });
    const byte = bytes[new TextEncoder().encode(before).length] ?? 0;
    const lines = before.replace(/^\uFEFF/, "").split("\n");
    return refuse(
      length === bytes.length
        ? "the file ends within a character"
        : `the byte ${hex(byte)} is not valid UTF-8`,
      `if the file is Latin-1: iconv -f ISO-8859-1 -t UTF-8 ${file} > playbook.yaml`,
      lines.length,
      (lines.at(-1)?.length ?? 0) + 1,
    );
  }
}
