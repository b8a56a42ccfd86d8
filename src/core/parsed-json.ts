import * as z from "zod";
import type { Json } from "./json.js";

/** What a parser of JSON or YAML gave, and so can be nothing else: `z.json()` would look into every corner of it. */
export const parsedJson = z.unknown() as z.ZodType<Json>;
