import * as z from "zod";

export const measures = ["cpu", "memory", "load", "disk", "inodes"] as const;

export interface HostOptions {
  readonly measure: (typeof measures)[number];
  readonly cgroup?: string | undefined;
  readonly pidFile?: string | undefined;
  readonly process?: string | undefined;
  readonly path: string;
}

export const hostOptions: z.ZodType<HostOptions> = z
  .strictObject({
    measure: z
      .enum(measures)
      .describe("Used share of CPUs, memory, disk or inodes, from 0 to 1; `load`: per CPU, over a minute"),
    cgroup: z
      .string()
      .min(1)
      .optional()
      .describe("Only of this control group, measured against its own limit: `system.slice/shop.service`"),
    pidFile: z.string().min(1).optional().describe("Only of the process whose number stands in this file"),
    process: z
      .string()
      .min(1)
      .max(15)
      .optional()
      .describe("Only of all processes of this name, together, as `ps -o comm` shows it: `postgres`"),
    path: z.string().min(1).default("/").describe("For `disk` and `inodes`: a path on the file system"),
  })
  .superRefine(({ measure, cgroup, pidFile, process }, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const named = Object.entries({ cgroup, pidFile, process }).filter(([, value]) => value !== undefined);
    const [first, second] = named.map(([key]) => key);
    if (first !== undefined && measure !== "cpu" && measure !== "memory") {
      say(first, `${measure} is of the machine: leave out \`${first}\``);
    }
    if (second !== undefined) say(second, `it is measured of one of them: \`${first}\` or \`${second}\``);
  });
