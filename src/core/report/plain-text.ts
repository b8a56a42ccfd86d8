const escape = String.fromCharCode(27);
const [csi, osc, dcs, end, bell] = [0x9b, 0x9d, 0x90, 0x9c, 7].map((code) => String.fromCharCode(code));

/** Whole sequences for a terminal: titles and links, colours and cursor movements, single shifts. */
const sequences = new RegExp(
  [
    `(?:${escape}[\\]PX^_]|[${osc}${dcs}])[^${bell}${end}${escape}]*(?:${bell}|${end}|${escape}\\\\)`,
    `(?:${escape}\\[|${csi})[0-?]*[ -/]*[@-~]`,
    `${escape}[ -/]*[0-~]?`,
  ].join("|"),
  "g",
);

/** Characters that turn the reading direction, so that a text shows another order than it has. */
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * One line out of anything that came from outside (output of programs, titles, values): without terminal sequences,
 * control characters and line ends, so that it can neither move the cursor nor pretend to be another line.
 */
export function plainText(text: string): string {
  return text
    .replace(sequences, "")
    .replace(/[\s\u2028\u2029]+/g, " ")
    .replace(/\p{Cc}/gu, "")
    .replace(turning, "");
}
