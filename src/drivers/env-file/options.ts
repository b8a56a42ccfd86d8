import * as z from "zod";
import { about } from "../../core/about.js";
import { duration } from "../../core/playbook/duration.js";

export interface RestartOptions {
  readonly command: readonly string[];
  readonly cwd?: string | undefined;
  /** Milliseconds, for the command and for the process to come up with the values. */
  readonly timeout: number;
}

export interface ProcessOptions {
  readonly pidFile: string;
  readonly keys?: readonly string[] | undefined;
  readonly children: boolean;
  readonly proof: "environment" | "start";
}

export interface EnvFileOptions {
  readonly file: string;
  readonly capture: "encrypted" | "reference";
  readonly reference?: string | undefined;
  readonly restart?: RestartOptions | undefined;
  readonly process?: ProcessOptions | undefined;
}

const restart = z.strictObject({
  command: z
    .array(z.string())
    .min(1)
    .register(...about("Program and arguments that restart the process; no shell")),
  cwd: z
    .string()
    .min(1)
    .optional()
    .register(...about("Where the command runs. Default: the playbook's folder")),
  timeout: duration
    .default(30_000)
    .register(...about("For the command, and for the process to be there again with the values")),
});

const processOptions = z.strictObject({
  pidFile: z
    .string()
    .min(1)
    .register(...about("File with the number of the process that gets the variables")),
  keys: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .register(...about("Only these variables are compared with the process. Default: all in the file")),
  children: z
    .boolean()
    .default(false)
    .register(...about("The processes that it started must have the values too")),
  proof: z
    .enum(["environment", "start"])
    .default("environment")
    .register(
      ...about(
        "`start` for a program that reads the file by itself: only that it was started anew can then be seen",
      ),
    ),
});

export const envFileOptions: z.ZodType<EnvFileOptions> = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .register(...about("The environment file")),
    capture: z
      .enum(["encrypted", "reference"])
      .default("encrypted")
      .register(...about("`encrypted` keeps the file in the checkpoint; `reference` keeps only its digest")),
    reference: z
      .string()
      .min(1)
      .optional()
      .register(
        ...about(
          "With `capture: reference`: the stable copy that the team keeps, the same bytes as the file",
        ),
      ),
    restart: restart.optional().register(...about("How the process is restarted so that it gets the values")),
    process: processOptions.optional().register(...about("The process that must really have the values")),
  })
  .superRefine((options, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (options.capture === "reference" && options.reference === undefined) {
      issue("reference", "missing beside `capture: reference`: the path of the copy that the team keeps");
    }
    if (options.capture === "encrypted" && options.reference !== undefined) {
      issue("reference", "is used only with `capture: reference`");
    }
    if (options.restart !== undefined && options.process === undefined) {
      issue("process", "missing beside `restart`: without it nothing shows that the process has the values");
    }
  });
