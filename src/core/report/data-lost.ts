import type { DataLoss } from "../driver.js";
import { countText, listText } from "./measures.js";

export interface LossTotals {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Places of which nothing could be counted. */
  readonly uncounted: number;
}

export function lossTotals(losses: readonly DataLoss[]): LossTotals {
  const sum = (pick: (loss: DataLoss) => number | undefined): number =>
    losses.reduce((total, loss) => total + (pick(loss) ?? 0), 0);
  return {
    inserted: sum((loss) => loss.inserted),
    updated: sum((loss) => loss.updated),
    deleted: sum((loss) => loss.deleted),
    uncounted: losses.filter((loss) => !isCounted(loss)).length,
  };
}

const isCounted = (loss: DataLoss): boolean =>
  loss.inserted !== undefined || loss.updated !== undefined || loss.deleted !== undefined;

const touched = (loss: DataLoss): boolean =>
  !isCounted(loss) || (loss.inserted ?? 0) + (loss.updated ?? 0) + (loss.deleted ?? 0) > 0;

/** `1,100 inserted and 104 updated since 05:46 in orders and items`; `undefined` where nothing is lost. */
export function lossText(losses: readonly DataLoss[], since = ""): string | undefined {
  const places = [...new Set(losses.filter(touched).map((loss) => loss.what))];
  if (places.length === 0) return undefined;
  const totals = lossTotals(losses);
  const counts = (["inserted", "updated", "deleted"] as const)
    .filter((kind) => totals[kind] > 0)
    .map((kind) => `${countText(totals[kind])} ${kind}`);
  if (totals.uncounted > 0) counts.push(counts.length === 0 ? "an unknown amount" : "an unknown amount more");
  const when = since === "" ? "" : ` since ${since}`;
  return `${listText(counts)}${when} in ${listText(places, 3)}`;
}
