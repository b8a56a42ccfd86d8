import * as z from "zod";

export interface QueueOptions {
  readonly name: string;
  readonly prefix: string;
  readonly quarantine: boolean;
}

export interface Options {
  readonly url: string;
  readonly cluster: boolean;
  readonly namespaces?: readonly string[] | undefined;
  readonly flush: readonly string[];
  readonly protect: readonly string[];
  readonly security: readonly string[];
  readonly alone: boolean;
  readonly queues: readonly QueueOptions[];
  readonly rdb: "auto" | "file" | "replication";
  readonly preserve: boolean;
  readonly kept: string;
  readonly modules: readonly string[];
}

const patterns = z.array(z.string().min(1));

const queue = z.strictObject({
  name: z.string().min(1).describe("Name of the queue"),
  prefix: z.string().min(1).default("bull").describe("What its keys begin with"),
  quarantine: z
    .boolean()
    .default(false)
    .describe("Jobs made since the checkpoint that nobody works on move to the queue <name>-quarantine"),
});

export const options: z.ZodType<Options> = z.strictObject({
  url: z
    .string()
    .min(1)
    .describe("redis://user:password@host:port/database, or rediss:// with TLS; the password as a reference"),
  cluster: z
    .boolean()
    .default(false)
    .describe("The server is a node of a cluster: every master is asked. Only for `flush`"),
  namespaces: patterns
    .optional()
    .describe('Keys that come back as they were captured, as patterns: "cart:*". Without `flush` all keys'),
  flush: patterns
    .default([])
    .describe("Keys that are removed, as patterns: a cache that the release poisoned"),
  protect: patterns
    .default([])
    .describe("Keys that are never touched, whatever else says so; counted before and after a flush"),
  security: patterns
    .default([])
    .describe("Keys whose loss is a matter of security; rate limits and sessions are also known by name"),
  alone: z
    .boolean()
    .default(true)
    .describe(
      "Who uses this target is stopped while keys are removed, so that a bad release cannot put its own there again",
    ),
  queues: z.array(queue).default([]).describe("BullMQ queues: paused while the keys are brought back"),
  rdb: z
    .enum(["auto", "file", "replication"])
    .default("auto")
    .describe(
      "How a snapshot is fetched: its file where it is on this machine, or over the connection; auto tries both",
    ),
  preserve: z
    .boolean()
    .default(true)
    .describe("A snapshot of what is there is kept before anything is replaced; without it there is no undo"),
  kept: z.string().min(1).default(".backout-redis").describe("Folder for what is kept"),
  modules: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Files of the modules that the server has (`MODULE LIST`), as they lie on this machine: a snapshot with keys of theirs is only read with them",
    ),
});
