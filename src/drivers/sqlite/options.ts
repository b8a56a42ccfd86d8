import * as z from "zod";

export const options = z
  .strictObject({
    file: z.string().min(1).describe("The database file. Its -wal, -shm and -journal belong to it."),
  })
  .describe("One SQLite database file on this machine.");

export type Options = z.infer<typeof options>;
