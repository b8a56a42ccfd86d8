import * as z from "zod";

export interface GitOptions {
  readonly path: string;
  readonly remote?: string | undefined;
  readonly tagPrefix: string;
}

const refPart = /^(?!.*(\.\.|\/\/|\/\.|\.lock(\/|$)))[A-Za-z0-9_][\w./-]*$/;

export const gitOptions: z.ZodType<GitOptions> = z.strictObject({
  path: z.string().min(1).describe("The work tree: its top folder"),
  remote: z
    .string()
    .regex(/^[A-Za-z0-9_][\w.-]*$/, "is not the name of a remote, such as origin")
    .optional()
    .describe("Name of the remote to which the tag of each checkpoint is pushed, never by force"),
  tagPrefix: z
    .string()
    .regex(refPart, "cannot begin the name of a tag")
    .default("backout/")
    .describe("What the names of the tags begin with"),
});
