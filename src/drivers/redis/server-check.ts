import * as z from "zod";
import { type Check, type DriverContext, defineCheck } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { duration } from "../../core/playbook/duration.js";
import { withRedis } from "./connect.js";
import { type Info, infoOf } from "./info.js";

interface CheckOptions {
  readonly url: string;
  readonly memory?: number | undefined;
  readonly evictions?: { readonly over: number; readonly most: number } | undefined;
  readonly replicas?: number | undefined;
}

const options: z.ZodType<CheckOptions> = z.strictObject({
  url: z.string().min(1).describe("redis://user:password@host:port/database"),
  memory: z.number().gt(0).max(1).optional().describe("At most this share of `maxmemory` is used: 0.9"),
  evictions: z
    .strictObject({
      over: duration.describe("For how long they are counted: `5s`"),
      most: z.int().min(0).default(0).describe("At most so many keys were evicted meanwhile"),
    })
    .optional()
    .describe("Keys that the server drops for want of memory"),
  replicas: z
    .int()
    .min(0)
    .optional()
    .describe("Replication: a primary has at least so many replicas, a replica is linked with its primary"),
});

/** PONG is always asked for: an error, such as a refused password, is no answer. */
export const check = defineCheck<CheckOptions>({
  id: "redis",
  title: "whether a Redis server answers, has room and is replicated",
  options,
  check: async ({ url }, context): Promise<Problem[]> => {
    const [answer] = await run({ url }, context);
    return answer?.result === "passed"
      ? []
      : [problem(`${context.name}.url`, answer?.message ?? "no answer")];
  },
  run,
});

async function run(
  { url, memory, evictions, replicas }: CheckOptions,
  context: DriverContext,
): Promise<Check[]> {
  try {
    return await withRedis(url, async ({ redis, place: { shown } }) => {
      const info = await infoOf(redis);
      const checks: Check[] = [{ name: `${shown}: PING`, result: "passed", actual: "PONG" }];
      if (memory !== undefined) checks.push(memoryCheck(shown, info, memory));
      if (replicas !== undefined) checks.push(...replicationChecks(shown, info, replicas));
      if (evictions !== undefined) {
        await context.clock.sleep(evictions.over, context.signal);
        const after = await infoOf(redis, "stats");
        const evicted = Number(after["evicted_keys"]) - Number(info["evicted_keys"]);
        checks.push(limit(`${shown}: evicted keys`, evicted, evictions.most));
      }
      return checks;
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [{ name: `${context.name}: PING`, result: "error", message: error.message }];
  }
}

const limit = (name: string, actual: number, most: number): Check => ({
  name,
  result: Number.isNaN(actual) ? "error" : actual <= most ? "passed" : "failed",
  expected: `<= ${most}`,
  actual: String(actual),
});

function memoryCheck(shown: string, info: Info, most: number): Check {
  const name = `${shown}: memory`;
  const limitBytes = Number(info["maxmemory"]);
  if (limitBytes === 0)
    return { name, result: "error", message: "the server has no `maxmemory` to compare with" };
  return limit(`${name} of maxmemory`, Number((Number(info["used_memory"]) / limitBytes).toFixed(3)), most);
}

function replicationChecks(shown: string, info: Info, least: number): Check[] {
  const name = `${shown}: replication`;
  if (info["role"] === "slave") {
    const link = info["master_link_status"] ?? "unknown";
    return [
      { name, result: link === "up" ? "passed" : "failed", expected: "link up", actual: `link ${link}` },
    ];
  }
  const online = Object.entries(info).filter(
    ([key, value]) => /^slave\d+$/.test(key) && value.includes("state=online"),
  );
  const passed = online.length >= least;
  const [expected, actual] = [`at least ${least} replicas online`, `${online.length} online`];
  return [{ name, result: passed ? "passed" : "failed", expected, actual }];
}
