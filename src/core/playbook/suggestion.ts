import { distance } from "fastest-levenshtein";

/** The same letters in another order: `pord` for `prod`. */
const swapped = (a: string, b: string) =>
  a.length === b.length && [...a].sort().join() === [...b].sort().join();

/** The nearest of the candidates, where it is near enough to be a slip of the fingers. */
function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let limit = Math.max(1, Math.floor(Math.min(name.length, 40) / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= limit) continue;
    const far = distance(name, candidate) - (swapped(name, candidate) ? 1 : 0);
    if (far < limit) [best, limit] = [candidate, far];
  }
  return best;
}

/** `; did you mean "db"?` or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const best = nearest(name, candidates);
  return best === undefined ? "" : `; did you mean ${JSON.stringify(best)}?`;
}

/** `targets: api, db, web`, cut after a dozen. */
export function listed(what: string, names: Iterable<string>): string {
  const all = [...names];
  if (all.length === 0) return `${what}: none`;
  const more = all.length > 12 ? ` and ${all.length - 12} more` : "";
  return `${what}: ${all.slice(0, 12).join(", ")}${more}`;
}

/** A value for a message: quoted, on one line, not too long. */
export function quoted(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 76)}…"` : text;
}
