/** For messages: one line, bounded. */
export function excerpt(body: string): string {
  const line = body.slice(0, 1_000).replace(/\s+/g, " ").trim();
  if (line === "") return "an empty body";
  return line.length > 200 ? `"${line.slice(0, 199)}…"` : `"${line}"`;
}
