import * as z from "zod";
import { about } from "../../core/about.js";
import { jsonPointer } from "../../core/json-pointer.js";
import { statuses } from "./request.js";

/** What an answer is expected to be, as options: the same of a check and of a lockdown's calls. */
export const expectedShape = {
  status: statuses,
  json: z
    .record(jsonPointer, z.json())
    .optional()
    .register(...about("JSON pointer → value that must stand there")),
  contains: z
    .string()
    .min(1)
    .optional()
    .register(...about("Text that the body must contain")),
};
