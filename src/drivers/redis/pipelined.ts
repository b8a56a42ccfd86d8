import type { ChainableCommander } from "ioredis";
import type { Connection } from "./connect.js";

/** Answers in the order of the commands; the first error is thrown. */
export async function pipelined(
  redis: Connection,
  add: (pipeline: ChainableCommander) => void,
): Promise<unknown[]> {
  const pipeline = redis.pipeline();
  add(pipeline);
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
