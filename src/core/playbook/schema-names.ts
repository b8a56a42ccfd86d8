import * as z from "zod";
import { about } from "../about.js";
import { parsedJson } from "../parsed-json.js";

/** Of targets, changes, scenarios and whatever else the playbook names. */
export const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]*$/, "a name is lower-case letters, digits, - and _, and begins with a letter");

const wordsOfCel = new Set(
  (
    "as bool break bytes cel const continue double else false for function google if import in int let list loop " +
    "map namespace null null_type optional package return string true type uint var verdict void while"
  ).split(" "),
);
/** Names that CEL expressions use: no hyphen, which would be a minus there. */
export const celName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]*$/,
    "this name is used in expressions: lower-case letters, digits and _ only, and it begins with a letter",
  )
  .refine((text) => !wordsOfCel.has(text), "this name means something else in expressions; choose another");

export const names = z.array(name).default([]);
export const driverOptions = z
  .record(z.string(), parsedJson)
  .default({})
  .register(...about("Options of the driver"));
export const described = {
  description: z
    .string()
    .optional()
    .register(...about("For people")),
};
