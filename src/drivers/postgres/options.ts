import * as z from "zod";
import {
  type ConnectionOptions,
  connectionShape,
  refineConnection,
} from "../../clients/postgres/connection-options.js";
import { type SwapOptions, swapShape } from "./swap-options.js";

export interface Options extends ConnectionOptions, SwapOptions {
  readonly maintenance: string;
  readonly jobs: number;
  readonly compression: number;
  readonly checksums: "full" | "sampled";
  readonly programs?: string | undefined;
  readonly scratch?: ConnectionOptions | undefined;
  readonly keepLostRows: boolean;
  /** Megabytes. */
  readonly keepProven: number;
  readonly tables?: readonly string[] | undefined;
}

export const options: z.ZodType<Options> = z
  .strictObject({
    ...connectionShape,
    ...swapShape,
    maintenance: z
      .string()
      .min(1)
      .default("postgres")
      .describe("Another database of the server, to connect to while this one is made, renamed or removed"),
    jobs: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe("Connections with which pg_dump and pg_restore work side by side"),
    compression: z
      .int()
      .min(0)
      .max(9)
      .default(1)
      .describe("Of the dump, as gzip counts: 1 is fast, 9 is small, 0 is none"),
    checksums: z
      .enum(["full", "sampled"])
      .default("full")
      .describe(
        "`sampled` digests one row of sixteen in tables beyond 100,000 rows; all rows are counted either way",
      ),
    programs: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Folder with pg_dump, pg_restore and psql. Default: where packages put them, by the server's version",
      ),
    scratch: z
      .strictObject(connectionShape)
      .superRefine(refineConnection)
      .optional()
      .describe(
        "Another server to prove on; its database is only connected to. Default: beside, on the same server",
      ),
    keepLostRows: z
      .boolean()
      .default(false)
      .describe(
        "Before a restore, write the rows that are newer than the checkpoint to a file in `snapshots`, as SQL that puts them back",
      ),
    keepProven: z
      .int()
      .min(0)
      .default(500)
      .describe(
        "Megabytes. Where the database takes no more, the copy that the newest checkpoint's proof has restored stays beside it, closed to everyone: bringing it back is then little more than the swap. 0 keeps none",
      ),
    tables: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'Only these tables come back, whole or not at all: "orders", "sales.lines". Everything is captured all the same',
      ),
  })
  .superRefine(refineConnection);
