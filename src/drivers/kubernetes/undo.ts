import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader, remembering } from "../../clients/kubernetes/read.js";
import type { DoneWork, UndoDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { sameIdentity } from "../../core/same-identity.js";
import { type Data, identityOf, summaryOf } from "./capture.js";
import { type Kept, keptName, readKept } from "./kept.js";
import { comparable, type Seen, seenOf } from "./observe.js";
import { digestsIn } from "./piece.js";
import { stepsFor } from "./plan.js";
import { readerFor } from "./scope.js";
import { readPresent } from "./snapshot.js";
import { subjectOfTarget, type TargetOptions } from "./target-options.js";

type UndoSeen = Seen & { readonly from: string | null };

const keptBy = (done: DoneWork<Data>): string | undefined => {
  const step = done.steps.find(({ operation }) => operation === "keep");
  return step === undefined ? undefined : keptName(step.key);
};

/** Back to what the run had replaced, which it kept in the cluster. */
export const undo: UndoDriver<TargetOptions, Data, UndoSeen> = {
  observe: (done, options, context) =>
    withKubernetes(options, context, async (api) => {
      const read = reader(api);
      const from = keptBy(done);
      if (from === undefined && done.steps.length > 0) {
        throw new BackoutError(
          "REFUSED",
          `${subjectOfTarget(options)}: the run did not keep what it replaced`,
          { effect: "none", hint: "bring the new version out again" },
        );
      }
      const kept: Kept | undefined = from === undefined ? undefined : await readKept(read, from);
      const once = remembering(readerFor(read, options));
      const [alone, present] = await Promise.all([
        readPresent(once, options),
        readPresent(once, options, kept?.snapshot),
      ]);
      const identity = identityOf(digestsIn(alone.snapshot));
      const then = kept?.snapshot;
      const digests = digestsIn(then === undefined ? present.snapshot : comparable(present.snapshot, then));
      return {
        ...{ identity, summary: summaryOf(present) },
        to: { identity: kept?.identity ?? identity, summary: done.left.summary },
        data: { ...seenOf(then, present, digests), from: from ?? null },
      };
    }),
  plan({ done, observed, options, intent }) {
    const { changes, from } = observed.data;
    return stepsFor(changes, done.left.summary, from, { observed, options, intent });
  },
  verify: (to, options, context) =>
    withKubernetes(options, context, async (api) => {
      const present = await readPresent(readerFor(reader(api), options), options);
      const now = { identity: identityOf(digestsIn(present.snapshot)), summary: summaryOf(present) };
      return [sameIdentity(`${subjectOfTarget(options)} is what was left`, to, now)];
    }),
};
