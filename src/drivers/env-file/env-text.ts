import dotenv from "dotenv";

export type Variables = Readonly<Record<string, string>>;

/** One assignment with the lines that it takes up, newline included. */
export interface Assignment {
  readonly key: string;
  /** 1-based. */
  readonly line: number;
  readonly raw: string;
}

/** Never quotes the line: it may hold a secret. */
export interface TextProblem {
  readonly line: number;
  readonly message: string;
}

interface Part {
  readonly raw: string;
  readonly assignment?: Assignment;
}

export interface KeyChange {
  readonly key: string;
  /** What happened since `before`. */
  readonly how: "added" | "removed" | "changed";
}

const opening = /^[^\S\n]*(?:export[^\S\n]+)?([\w.-]+)(?:[^\S\n]*=|:[^\S\n])[^\S\n]*(['"`])?/;
const closing = {
  "'": /^(?:\\'|[^'])*'[^\n]*/,
  '"': /^(?:\\"|[^"])*"[^\n]*/,
  "`": /^(?:\\`|[^`])*`[^\n]*/,
} as const;

export const parseVariables = (text: string): Variables => dotenv.parse(text);

/** `undefined` where the bytes are no UTF-8. A byte order mark stays in the text. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Splits where `dotenv` would: whole assignments, and the lines between them. Joined again it is the same text. */
function partsOf(text: string): { parts: Part[]; problems: TextProblem[] } {
  const parts: Part[] = [];
  const problems: TextProblem[] = [];
  let line = 1;
  let rest = text;
  while (rest !== "") {
    const found = opening.exec(rest);
    const quote = found?.[2] as keyof typeof closing | undefined;
    const quoted = found && quote ? closing[quote].exec(rest.slice(found[0].length)) : null;
    const end = found && quoted ? found[0].length + quoted[0].length : rest.search(/\n|$/);
    const raw = rest.slice(0, rest[end] === "\n" ? end + 1 : end);
    const key = found?.[1];
    if (key === undefined) {
      parts.push({ raw });
      if (!/^\s*(#|$)/.test(raw)) problems.push({ line, message: "is neither KEY=value nor a comment" });
    } else {
      parts.push({ raw, assignment: { key, line, raw } });
      if (quote !== undefined && quoted === null)
        problems.push({ line, message: `"${key}" opens a quote that is never closed` });
    }
    line += raw.split("\n").length - 1;
    rest = rest.slice(raw.length);
  }
  return { parts, problems };
}

export function assignments(text: string): Assignment[] {
  return partsOf(text).parts.flatMap(({ assignment }) => assignment ?? []);
}

/** What one parser takes and another does not. */
export function textProblems(text: string): TextProblem[] {
  const { problems } = partsOf(text);
  if (text.startsWith("\uFEFF"))
    problems.push({
      line: 1,
      message: "begins with a byte order mark, which many programs read as part of the first name",
    });
  const crlf = text.split("\n").findIndex((line) => line.endsWith("\r"));
  if (crlf >= 0)
    problems.push({
      line: crlf + 1,
      message: "ends with a carriage return (CRLF), which shells keep as part of the value",
    });
  const seen = new Map<string, number>();
  for (const { key, line } of assignments(text)) {
    const before = seen.get(key);
    if (before !== undefined)
      problems.push({ line, message: `"${key}" was already set in line ${before}; the last one counts` });
    seen.set(key, line);
  }
  return problems.sort((a, b) => a.line - b.line);
}

export function keyChanges(before: Variables, after: Variables): KeyChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key): KeyChange[] => {
    if (before[key] === after[key]) return [];
    if (before[key] === undefined) return [{ key, how: "added" }];
    return [{ key, how: after[key] === undefined ? "removed" : "changed" }];
  });
}

/**
 * `captured` with the kept variables as they are in `present`; absent there means absent here. `undefined` where the
 * two texts cannot be joined so that a parser reads exactly that.
 */
export function keepVariables(
  captured: string,
  present: string,
  keep: readonly string[],
): string | undefined {
  const own = new Map(assignments(present).map((one) => [one.key, one.raw]));
  const { parts } = partsOf(captured);
  const last = new Map(parts.map((part, index) => [part.assignment?.key, index]));
  let text = parts
    .map(({ raw, assignment }, index) => {
      if (assignment === undefined || !keep.includes(assignment.key)) return raw;
      return last.get(assignment.key) === index ? (own.get(assignment.key) ?? "") : "";
    })
    .map((raw, index) => (raw === "" || raw.endsWith("\n") || index === parts.length - 1 ? raw : `${raw}\n`))
    .join("");
  for (const key of keep) {
    const raw = own.get(key);
    if (raw === undefined || last.has(key)) continue;
    text = `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${raw}`;
  }
  const before = parseVariables(captured);
  const now = parseVariables(present);
  const wanted = { ...before };
  for (const key of keep) {
    delete wanted[key];
    if (now[key] !== undefined) wanted[key] = now[key];
  }
  return keyChanges(wanted, parseVariables(text)).length === 0 ? text : undefined;
}
