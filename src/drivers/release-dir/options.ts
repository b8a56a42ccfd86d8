import * as z from "zod";
import { about } from "../../core/about.js";

export const options = z
  .strictObject({
    releases: z
      .string()
      .min(1)
      .register(...about("Folder in which each release has a folder of its own.")),
    current: z
      .string()
      .min(1)
      .register(...about("Link to the release that is in use.")),
    except: z
      .array(z.string().min(1))
      .default([])
      .register(
        ...about("Paths inside a release that change while it runs (logs, caches): not part of its digest."),
      ),
  })
  .register(...about("Release folders and the link to the one in use."));

export type Options = z.infer<typeof options>;
