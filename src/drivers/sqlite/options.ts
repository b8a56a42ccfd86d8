import * as z from "zod";
import { about } from "../../core/about.js";

export const options = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .register(...about("The database file. Its -wal, -shm and -journal belong to it.")),
  })
  .register(...about("One SQLite database file on this machine."));

export type Options = z.infer<typeof options>;
