import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { withRedis } from "./connect.js";
import { fetchRdb } from "./fetch-rdb.js";
import { keptRdb, makeKept } from "./kept-files.js";
import { placeOf } from "./place.js";
import type { Job } from "./step-job.js";

/** A file of the final name is whole. */
export async function applyPreserve({ options }: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const kept = keptRdb(options, context, context.key);
  if ((await files.stat(kept)) !== undefined) return { summary: `${kept} is there already`, changed: false };
  return withRedis(options.url, async ({ redis, place }) => {
    await makeKept(options, context);
    const part = `${kept}.part`;
    await files.remove(part);
    await files.write(part, "", { mode: 0o600 });
    const { how } = await fetchRdb(redis, place, part, options, context);
    await files.rename(part, kept);
    return { summary: `${kept} is what was there, by ${how}`, changed: true, data: { kept } };
  });
}

export async function settlePreserve({ options }: Job, context: StepContext): Promise<Settlement> {
  const { files } = context.host;
  const kept = keptRdb(options, context, context.key);
  if ((await files.stat(kept)) !== undefined) return { state: "applied", summary: `${kept} is there` };
  if ((await files.stat(`${kept}.part`)) !== undefined) {
    return { state: "partial", summary: `${kept} is written in part` };
  }
  return { state: "not-applied", summary: `no snapshot of ${placeOf(options.url).shown} is kept yet` };
}
