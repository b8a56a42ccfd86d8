import type { DataLoss, Impact, Intent, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Data, keysText } from "./capture.js";
import type { PrefixChange } from "./compare-indexes.js";
import { totalOf } from "./count-keys.js";
import { overlap } from "./glob.js";
import type { Seen } from "./observe.js";
import type { Options } from "./options.js";
import { shownUrl } from "./place.js";
import { queueSteps } from "./queue-steps.js";
import { protectedBy } from "./scope.js";
import { securityEffect } from "./security.js";

/** What is brought back: the checkpoint's keys, or those of a kept snapshot. */
export type RestoreInput = {
  /** Key of the step that kept the snapshot; null for the checkpoint. */
  readonly from: string | null;
  /** Of the state that comes back, where it comes from a kept snapshot. */
  readonly identity: string | null;
};

const restoredPerMs = 10;
const flushedPerMs = 100;
/** With the wait that a server may put ahead of sending a snapshot. */
export const preserveMs = 6000;

export function plan({
  captured,
  restoreMs,
  observed,
  options,
  intent,
}: PlanInput<Options, Data, Seen>): StepSpec[] {
  if (!intent.restore || captured === undefined) return [];
  refuseOverlaps(options, intent);
  const { data } = observed;
  if (observed.identity === captured.identity) return [];
  if (data.otherScope) throw otherScope(options);
  const restores = data.changes !== null && data.changes.length > 0;
  const flushes = totalOf(data.flush) > 0;
  const work = [
    ...(restores ? [restoreStep(options, data.changes ?? [], captured, restoreMs)] : []),
    ...(flushes ? [flushStep(options, data)] : []),
  ];
  const queued = queueSteps(options, data.queues, captured.at, work.length > 0);
  return [...(work.length > 0 ? preserveSteps(options) : []), ...work, ...queued];
}

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const otherScope = ({ url }: Options): BackoutError =>
  refused(
    `${shownUrl(url)}: \`namespaces\`, \`protect\` or \`queues\` are not what they were when the checkpoint was taken`,
    "set them as they were, or take a checkpoint",
  );

/** Protection would win while scanning, too; that two patterns meet at all is a mistake in the playbook. */
function refuseOverlaps(options: Options, { keep }: Intent): void {
  const { url, flush, namespaces = [] } = options;
  const meeting = (kind: string, others: readonly string[]): void => {
    for (const pattern of flush) {
      const other = others.find((one) => overlap(pattern, one));
      if (other === undefined) continue;
      throw refused(
        `${shownUrl(url)}: keys may match both "${pattern}" of \`flush\` and "${other}" of \`${kind}\``,
        "make the patterns narrower, so that no key matches both",
      );
    }
  };
  meeting("protect", protectedBy(options));
  meeting("namespaces", namespaces);
  const [kept] = keep;
  if (kept !== undefined) {
    throw refused(`${shownUrl(url)}: cannot keep "${kept}"`, "name such keys under `protect`");
  }
}

export const irreversible = ({ preserve, cluster }: Options): Pick<Impact, "irreversible"> => {
  if (cluster) return { irreversible: "no snapshot of a cluster is kept" };
  return preserve ? {} : { irreversible: "`preserve: false`: what is replaced is not kept" };
};

export function preserveSteps(options: Options): StepSpec[] {
  if (options.cluster || !options.preserve) return [];
  return [
    {
      operation: "preserve",
      title: `keep a snapshot of ${shownUrl(options.url)}`,
      phase: "preserve",
      input: {},
      expectedMs: preserveMs,
    },
  ];
}

export const restoreMsOf = (keys: number): number => 1000 + Math.ceil(keys / restoredPerMs);

function restoreStep(
  options: Options,
  changes: readonly PrefixChange[],
  { data }: { data: Data },
  restoreMs: number | undefined,
): StepSpec {
  const input: RestoreInput = { from: null, identity: null };
  const touched = changes.reduce((total, { added, changed, gone }) => total + added + changed + gone, 0);
  return {
    operation: "restore",
    title: `bring back ${keysText(data.keys)} of ${shownUrl(options.url)}, ${touched} of them differ`,
    phase: "restore",
    exclusive: true,
    input,
    impact: {
      changes: prefixChanges(changes),
      loses: lossesOf(changes),
      interrupts: true,
      ...irreversible(options),
    },
    expectedMs: (restoreMs ?? restoreMsOf(data.keys)) + restoreMsOf(touched),
  };
}

const prefixChanges = (changes: readonly PrefixChange[]) =>
  changes.map(({ prefix, added, changed, gone }) => ({
    what: prefix,
    before: `${added} new, ${changed} changed, ${gone} missing`,
    after: "as captured",
  }));

export const lossesOf = (changes: readonly PrefixChange[]): DataLoss[] =>
  changes.map(({ prefix, added, changed, gone }) => ({
    what: prefix,
    inserted: added,
    updated: changed,
    deleted: gone,
    basis: "every key's value and time of expiry compared; a key changed more than once counts once",
  }));

export function flushStep(options: Options, { flush, protected: kept }: Seen): StepSpec {
  const effects = flush.flatMap(({ pattern, keys }) => {
    const effect = keys > 0 ? securityEffect(pattern, options.security) : undefined;
    return effect === undefined ? [] : [effect];
  });
  const protectedText = kept.length === 0 ? "" : `, leaving ${totalOf(kept)} protected`;
  return {
    operation: "flush",
    title: `remove ${keysText(totalOf(flush))} of ${shownUrl(options.url)} by pattern${protectedText}`,
    phase: "restore",
    ...(options.alone ? { exclusive: true } : {}),
    input: { patterns: [...options.flush], protect: [...protectedBy(options)] },
    impact: {
      changes: flush.map(({ pattern, keys }) => ({
        what: pattern,
        before: keysText(keys),
        after: "no keys",
      })),
      ...(effects.length === 0 ? {} : { security: effects.join("; ") }),
      ...irreversible(options),
    },
    expectedMs: 500 + Math.ceil((totalOf(flush) + totalOf(kept)) / flushedPerMs),
  };
}
