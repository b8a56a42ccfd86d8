import type { StepSpec, UndoDriver, UndoObservation } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";
import { checkRdb } from "./fetch-rdb.js";
import { keptRdb } from "./kept-files.js";
import { observe, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { shownUrl } from "./place.js";
import { preserveMs, preserveSteps, type RestoreInput, restoreMsOf } from "./plan.js";
import type { QueueInput } from "./queue-steps.js";
import { namespacesOf } from "./scope.js";
import { verifyUndo } from "./verify.js";

type UndoSeen = Seen & {
  /** Key of the step that kept a snapshot of what was there; null where the run replaced nothing. */
  readonly from: string | null;
};

const replacing = new Set(["restore", "flush"]);

export const undo: UndoDriver<Options, Data, UndoSeen> = {
  async observe(done, options, context): Promise<UndoObservation<UndoSeen>> {
    const now = await observe(options, context, done.captured);
    const replaced = done.steps.some(({ operation }) => replacing.has(operation));
    const from = done.steps.find(({ operation }) => operation === "preserve")?.key;
    if (replaced) {
      const kept = from === undefined ? undefined : keptRdb(options, context, from);
      if (kept === undefined || (await context.host.files.stat(kept)) === undefined) {
        throw new BackoutError("REFUSED", `${kept ?? shownUrl(options.url)}: what was replaced is not kept`, {
          effect: "none",
          hint: "restore a checkpoint instead",
        });
      }
      await checkRdb(kept, context);
    }
    return { ...now, to: done.left, data: { ...now.data, from: replaced ? (from ?? null) : null } };
  },
  plan({ done, observed, options }) {
    const { from } = observed.data;
    const queued = done.steps.flatMap((step) =>
      queueUndo(step.operation, step.input as unknown as QueueInput),
    );
    if (from === null) return queued;
    return [...preserveSteps(options), restoreKept(options, from, observed), ...queued];
  },
  verify: verifyUndo,
};

function restoreKept(options: Options, from: string, observed: UndoObservation<UndoSeen>): StepSpec {
  const input: RestoreInput = { from, identity: observed.to.identity };
  const alone = namespacesOf(options).length > 0;
  return {
    operation: "restore",
    title: `bring back what was replaced on ${shownUrl(options.url)}`,
    phase: "restore",
    ...(alone ? { exclusive: true } : {}),
    input,
    impact: {
      changes: [{ what: shownUrl(options.url), before: observed.summary, after: observed.to.summary }],
      ...(alone ? { interrupts: true } : {}),
    },
    expectedMs: preserveMs + restoreMsOf(observed.data.keys),
  };
}

/** Moved jobs go back, and those that an undo had moved back go to the quarantine again. */
function queueUndo(operation: string, input: QueueInput): StepSpec[] {
  const [, kind, queue] = /^(quarantine|release)-(.*)$/s.exec(operation) ?? [];
  if (kind === undefined) return [];
  const back = kind === "quarantine";
  return [
    {
      operation: `${back ? "release" : "quarantine"}-${queue}`,
      title: back ? `move jobs back to queue ${input.name}` : `move jobs of queue ${input.name} away again`,
      phase: "restore",
      input: { ...input },
      expectedMs: 1000,
    },
  ];
}
