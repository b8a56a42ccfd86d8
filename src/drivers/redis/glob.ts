/** Redis' patterns (`*`, `?`, `[a-z]`, `\`), byte by byte. */

const star = "*";
type Token = typeof star | Uint8Array;

const one = (byte: number): Uint8Array => {
  const set = new Uint8Array(256);
  set[byte] = 1;
  return set;
};

function tokens(pattern: string): Token[] {
  const bytes = Buffer.from(pattern);
  const found: Token[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const char = String.fromCharCode(byte);
    if (char === "*") {
      if (found.at(-1) !== star) found.push(star);
    } else if (char === "?") {
      found.push(new Uint8Array(256).fill(1));
    } else if (char === "[") {
      const { set, end } = classAt(bytes, at + 1);
      found.push(set);
      at = end;
    } else if (char === "\\" && at + 1 < bytes.length) {
      at++;
      found.push(one(bytes[at] ?? 0));
    } else {
      found.push(one(byte));
    }
  }
  return found;
}

/** From behind the bracket to the closing one, or to the end of the pattern where there is none, as Redis does. */
function classAt(bytes: Buffer, start: number): { set: Uint8Array; end: number } {
  const set = new Uint8Array(256);
  const not = bytes[start] === 0x5e;
  let at = not ? start + 1 : start;
  for (; at < bytes.length && bytes[at] !== 0x5d; at++) {
    if (bytes[at] === 0x5c && at + 1 < bytes.length) at++;
    const from = bytes[at] ?? 0;
    let to = from;
    if (bytes[at + 1] === 0x2d && at + 2 < bytes.length) {
      to = bytes[at + 2] ?? 0;
      at += 2;
    }
    set.fill(1, Math.min(from, to), Math.max(from, to) + 1);
  }
  return { set: not ? set.map((bit) => 1 - bit) : set, end: at };
}

const escaped = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;

function source(token: Token): string {
  if (token === star) return ".*";
  const bytes = [...token.keys()].filter((byte) => token[byte] === 1);
  if (bytes.length === 256) return ".";
  return bytes.length === 0 ? "(?!)" : `[${bytes.map(escaped).join("")}]`;
}

export type Matcher = (latin1: string) => boolean;

/** Whether a key, read as latin1 so that each byte is one character, matches one of the patterns. */
export function matcherOf(patterns: readonly string[]): Matcher {
  if (patterns.includes("*")) return () => true;
  if (patterns.length === 0) return () => false;
  const any = new RegExp(`^(?:${patterns.map((one) => tokens(one).map(source).join("")).join("|")})$`, "s");
  return (key) => any.test(key);
}

/** Whether there can be a key that matches both. */
export function overlap(first: string, second: string): boolean {
  const [a, b] = [tokens(first), tokens(second)];
  const seen = new Map<number, boolean>();
  const meet = (i: number, j: number): boolean => {
    const at = i * (b.length + 1) + j;
    const known = seen.get(at);
    if (known !== undefined) return known;
    const [left, right] = [a[i], b[j]];
    let found: boolean;
    if (left === undefined && right === undefined) found = true;
    else if (left === star) found = meet(i + 1, j) || (right !== undefined && meet(i, j + 1));
    else if (right === star) found = meet(i, j + 1) || (left !== undefined && meet(i + 1, j));
    else if (left === undefined || right === undefined) found = false;
    else found = left.some((bit, byte) => bit === 1 && right[byte] === 1) && meet(i + 1, j + 1);
    seen.set(at, found);
    return found;
  };
  return meet(0, 0);
}
