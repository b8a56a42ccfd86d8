import * as z from "zod";
import { type DriverContext, defineSignal, type Reading } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { duration } from "../../core/playbook/duration.js";
import { type Connection, withRedis } from "./connect.js";
import { infoOf } from "./info.js";
import { scanKeys } from "./scan-keys.js";

interface SignalOptions {
  readonly url: string;
  readonly info?: string | undefined;
  readonly keys?: string | undefined;
  readonly queue?: { readonly name: string; readonly prefix: string; readonly state: QueueState } | undefined;
  readonly hitRatio?: number | undefined;
}

const states = ["wait", "active", "delayed", "prioritized", "failed", "completed"] as const;
type QueueState = (typeof states)[number];

const kinds = ["info", "keys", "queue", "hitRatio"] as const;

const options: z.ZodType<SignalOptions> = z
  .strictObject({
    url: z.string().min(1).describe("redis://user:password@host:port/database"),
    info: z.string().min(1).optional().describe("A number out of INFO: `used_memory`, `evicted_keys`"),
    keys: z
      .string()
      .min(1)
      .optional()
      .describe("The number of keys of this pattern; `*` asks the server's own count"),
    queue: z
      .strictObject({
        name: z.string().min(1).describe("Name of a BullMQ queue"),
        prefix: z.string().min(1).default("bull").describe("What its keys begin with"),
        state: z.enum(states).default("wait").describe("Its jobs in this state; `wait` with the paused ones"),
      })
      .optional()
      .describe("The number of jobs of a queue"),
    hitRatio: duration.optional().describe("Share of lookups that found their key, over this time: `5s`"),
  })
  .superRefine((given, context) => {
    const named = kinds.filter((kind) => given[kind] !== undefined);
    if (named.length === 1) return;
    const message = `names ${named.length === 0 ? "nothing to read" : named.join(" and ")}; name one of ${kinds.join(", ")}`;
    context.addIssue({ code: "custom", message });
  });

export const signal = defineSignal<SignalOptions>({
  id: "redis",
  title: "a number out of a Redis server",
  options,
  check: checkSignal,
  read: (given, context) =>
    withRedis(given.url, ({ redis, place }) => readingOf(given, redis, place.shown, context)),
});

async function checkSignal({ url }: SignalOptions, context: DriverContext): Promise<Problem[]> {
  try {
    await withRedis(url, async () => {});
    return [];
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(`${context.name}.url`, error.message, error.hint)];
  }
}

const unmeasured = (shown: string, fact: string): BackoutError =>
  new BackoutError("NOT_FOUND", `${shown}: could not measure, ${fact}`, { effect: "none" });

async function readingOf(
  { info, keys, queue, hitRatio }: SignalOptions,
  redis: Connection,
  shown: string,
  context: DriverContext,
): Promise<Reading> {
  if (info !== undefined) {
    const text = (await infoOf(redis, "everything"))[info];
    const value = Number(text);
    if (text === undefined || text === "" || !Number.isFinite(value)) {
      throw unmeasured(shown, `INFO has no number "${info}"${text === undefined ? "" : ` but "${text}"`}`);
    }
    return { value };
  }
  if (keys !== undefined) return { value: await keysOf(redis, keys, context), unit: "keys" };
  if (queue !== undefined) return { value: await jobsOf(redis, queue), unit: "jobs" };
  const { hits, misses } = await lookupsOver(redis, hitRatio ?? 0, context);
  if (hits + misses === 0) throw unmeasured(shown, "nobody looked up a key in this time");
  return { value: hits / (hits + misses), unit: "ratio" };
}

async function keysOf(redis: Connection, match: string, context: DriverContext): Promise<number> {
  if (match === "*") return redis.dbsize();
  const seen = new Set<string>();
  for await (const keys of scanKeys(redis, { match })) {
    context.signal.throwIfAborted();
    for (const key of keys) seen.add(key.toString("latin1"));
  }
  return seen.size;
}

async function jobsOf(
  redis: Connection,
  { prefix, name, state }: NonNullable<SignalOptions["queue"]>,
): Promise<number> {
  const key = (part: string): string => `${prefix}:${name}:${part}`;
  if (state === "wait") return (await redis.llen(key("wait"))) + (await redis.llen(key("paused")));
  return state === "active" ? redis.llen(key(state)) : redis.zcard(key(state));
}

async function lookupsOver(redis: Connection, ms: number, context: DriverContext) {
  const now = async () => {
    const stats = await infoOf(redis, "stats");
    return { hits: Number(stats["keyspace_hits"]), misses: Number(stats["keyspace_misses"]) };
  };
  const before = await now();
  await context.clock.sleep(ms, context.signal);
  const after = await now();
  return { hits: after.hits - before.hits, misses: after.misses - before.misses };
}
