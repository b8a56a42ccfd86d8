import { shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import type { DriverContext } from "../../core/driver.js";

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** When the server says that it answered: the header has whole seconds. */
export function dated(headers: Readonly<Record<string, string>>): Span | undefined {
  const at = Date.parse(headers["date"] ?? "");
  return Number.isNaN(at) ? undefined : { from: at, to: at + 999 };
}

/** The answer was made within `ours` by this machine's clock; how far `theirs` lies outside of it is the skew. */
export function compareClocks(
  theirs: Span | undefined,
  ours: Span,
  { url, skew: allowed }: { readonly url: string; readonly skew: number },
  context: DriverContext,
): void {
  if (theirs === undefined) return;
  const behind = ours.from - theirs.to;
  const ahead = theirs.from - ours.to;
  const skew = Math.max(behind, ahead, 0);
  if (skew <= allowed) return;
  const where = behind > ahead ? "behind" : "ahead of";
  const fact = `the clock of ${shownServer(url)} is ${Math.round(skew)} ms ${where} this machine's`;
  throw unmeasured(context, fact, "set both by NTP; `skew` says how much is allowed");
}
