import type { Outcome, StepContext } from "../../core/driver.js";
import { keysText } from "./capture.js";
import type { Connected, Connection } from "./connect.js";
import { countKeys, type KeyCounts, totalOf } from "./count-keys.js";
import { type Matcher, matcherOf } from "./glob.js";
import { flushNote, makeKept } from "./kept-files.js";
import { withMasters } from "./masters.js";
import { paceOf } from "./pace.js";
import { scanBounds, scanKeys } from "./scan-keys.js";
import type { Begin, Job } from "./step-job.js";

/** Keys that one UNLINK names: about a hundred microseconds for the server, since small values are freed at once. */
const perUnlink = 100;
/** At a stretch. */
const unlinkBounds = { least: 50, most: 1000 };

type FlushInput = { readonly patterns: readonly string[]; readonly protect: readonly string[] };

/** Only what matches a pattern and is not protected; never a whole database. */
export function applyFlush(job: Job, context: StepContext, begin: Begin): Promise<Outcome> {
  const { options } = job;
  const { patterns, protect } = job.input as unknown as FlushInput;
  return withMasters(options, async (masters) => {
    const before = await countKeys(masters, [], protect, context);
    await begin();
    const [doomed, kept] = [matcherOf(patterns), matcherOf(protect)];
    const only = patterns.length === 1 ? patterns[0] : undefined;
    let removed = 0;
    for (const master of masters) {
      removed += await flushMaster(
        master,
        only,
        (key) => doomed(key) && !kept(key),
        options.cluster,
        context,
      );
    }
    const after = await countKeys(masters, patterns, protect, context);
    for (const line of protectedLines(before, after)) context.log(line);
    await makeKept(options, context);
    await context.host.files.write(flushNote(options, context), JSON.stringify({ at: context.clock.now() }));
    const since = totalOf(after.flush) === 0 ? "" : `, ${totalOf(after.flush)} have come anew`;
    return {
      summary: `${keysText(removed)} removed${since}; ${keysText(totalOf(after.protect))} protected`,
      changed: removed > 0,
      data: { removed, protectedBefore: totalOf(before.protect), protectedAfter: totalOf(after.protect) },
    };
  });
}

const protectedLines = (before: KeyCounts, after: KeyCounts): string[] =>
  before.protect.map(
    ({ pattern, keys }, at) =>
      `${pattern}: ${keys} before, ${after.protect[at]?.keys ?? 0} after; not touched`,
  );

async function flushMaster(
  { redis, place }: Connected,
  only: string | undefined,
  doomed: Matcher,
  oneByOne: boolean,
  context: StepContext,
): Promise<number> {
  let removed = 0;
  const pace = await paceOf(redis, scanBounds, context.clock);
  const unlinking = await paceOf(redis, unlinkBounds, context.clock);
  for await (const keys of scanKeys(redis, { pace, ...(only === undefined ? {} : { match: only }) })) {
    context.signal.throwIfAborted();
    const mine = keys.filter((key) => doomed(key.toString("latin1")));
    // Scanning on meanwhile would make nothing faster, and keep the server from others for both.
    for (let at = 0; at < mine.length; ) {
      removed += await unlinking.call((most) => {
        const part = mine.slice(at, at + most);
        at += part.length;
        return unlinkAll(redis, part, oneByOne ? 1 : perUnlink);
      });
    }
    context.progress(`${place.shown}: ${keysText(removed)} removed`);
  }
  return removed;
}

async function unlinkAll(redis: Connection, keys: readonly Buffer[], each: number): Promise<number> {
  const calls: Promise<number>[] = [];
  for (let at = 0; at < keys.length; at += each) calls.push(redis.unlink(...keys.slice(at, at + each)));
  const counts = await Promise.all(calls);
  return counts.reduce((total, count) => total + count, 0);
}
