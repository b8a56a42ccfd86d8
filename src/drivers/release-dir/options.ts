import * as z from "zod";

export const options = z
  .strictObject({
    releases: z.string().min(1).describe("Folder in which each release has a folder of its own."),
    current: z.string().min(1).describe("Link to the release that is in use."),
    except: z
      .array(z.string().min(1))
      .default([])
      .describe("Paths inside a release that change while it runs (logs, caches): not part of its digest."),
  })
  .describe("Release folders and the link to the one in use.");

export type Options = z.infer<typeof options>;
