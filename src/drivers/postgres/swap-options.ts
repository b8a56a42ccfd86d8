import * as z from "zod";
import { duration } from "../../core/playbook/duration.js";

const day = 86_400_000;

const ways = ["auto", "swap", "in-place"] as const;

export interface SwapOptions {
  readonly way: (typeof ways)[number];
  readonly snapshots: string;
  /** Milliseconds. */
  readonly undoFor: number;
  /** Milliseconds. */
  readonly endWithin: number;
}

/** Of bringing back; spread into the driver's options. */
export const swapShape = {
  way: z
    .enum(ways)
    .default("auto")
    .describe(
      "`swap`: restored beside, then names are exchanged. `in-place`: cleared and refilled by one transaction. `auto`: in place only where rights allow no swap; where there is no room for a second copy, the live one is dumped and dropped first",
    ),
  undoFor: duration
    .default(day)
    .describe(
      "How long the replaced database, or the dump of it, is kept, so that the rollback can be taken back",
    ),
  snapshots: z
    .string()
    .min(1)
    .default("backout-snapshots")
    .describe("Folder for the dump that is made right before a database is overwritten or dropped"),
  endWithin: duration
    .default(10_000)
    .describe("How long connections have for their end once they were told; then everyone is let in again"),
};
