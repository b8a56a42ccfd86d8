const part = /^(?:"((?:[^"]|"")+)"|([a-z_\u0080-\uffff][\w$\u0080-\uffff]*))/i;

export interface ParsedName {
  readonly parts: readonly string[];
  /** What stands behind the name, trimmed. */
  readonly rest: string;
}

/** Takes `schema.name` and `"Quoted ""names"""` apart; `undefined`: does not begin with a name as SQL writes it. */
export function parseQualified(text: string): ParsedName | undefined {
  const parts: string[] = [];
  for (let rest = text.trim(); ; rest = rest.slice(1)) {
    const found = part.exec(rest);
    if (found === null) return undefined;
    // Names that are not quoted are in lower case, as PostgreSQL takes them.
    parts.push(found[1]?.replaceAll('""', '"') ?? (found[2] ?? "").toLowerCase());
    rest = rest.slice(found[0].length);
    if (!rest.startsWith(".")) return { parts, rest: rest.trim() };
  }
}
