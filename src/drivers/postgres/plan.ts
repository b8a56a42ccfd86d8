import type { Observation, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import { keepRowsStep } from "./keep-rows.js";
import { damaged, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { dropFirst, lackOfRoom } from "./plan-drop-first.js";
import { inPlace } from "./plan-in-place.js";
import { planTables } from "./plan-tables.js";
import { stageOrCompareStep } from "./stage-step.js";
import { againstSwap, type Standing } from "./standing.js";
import type { SwapInput } from "./step-input.js";

export const swapMs = 500;
/** Data and indexes, on a slow disk; replaced by what a proof has measured. */
const restoredPerMs = 5_000;
export const restoreMsOf = (bytes: number): number => 1_000 + Math.ceil(bytes / restoredPerMs);

export function plan({
  captured,
  restoreMs,
  observed,
  options,
  intent,
}: PlanInput<Options, CapturedDatabase, Seen>): StepSpec[] {
  if (!intent.restore || captured === undefined || observed.identity === captured.identity) return [];
  const { name, bytes } = captured.data.database;
  const { standing, proven = false } = observed.data;
  refuseKeep(name, intent.keep);
  const expectedMs = restoreMs ?? restoreMsOf(bytes);
  if (options.tables !== undefined) return [...keptRows(name, captured.data, options, standing), ...chosen()];
  // Rows that cannot be read cannot be kept, and must not keep the others from coming back.
  const kept = observed.identity === damaged ? [] : keptRows(name, captured.data, options, standing);
  if (standing !== null) {
    const { data, identity, summary } = captured;
    const why = inPlaceBecause(name, options, standing);
    const given = { data, standing, expectedMs, options, observed };
    if (why !== undefined) return [...kept, ...inPlace({ ...given, why, then: summary })];
    const lacking = options.way === "auto" && !proven ? lackOfRoom(data, observed, standing) : undefined;
    if (lacking !== undefined)
      return [...kept, ...dropFirst({ ...given, identity, summary, swapMs, why: lacking })];
  }
  const staged = stagedName(name, captured.identity);
  return [
    ...kept,
    stageOrCompareStep(name, { staged }, { proven, bytes, restoreMs: expectedMs }),
    {
      operation: "swap",
      title: `swap the staged ${name} in by rename`,
      phase: "restore",
      needs: ["stage"],
      exclusive: true,
      input: swapInputOf(staged, options, observed),
      impact: impactOf(name, captured.summary, observed),
      expectedMs: swapMs,
    },
  ];

  function chosen(): StepSpec[] {
    const { chosen: seen } = observed.data;
    if (captured === undefined || standing === null || seen === null || seen === undefined) {
      throw new BackoutError("REFUSED", `${name}: is not there, so chosen tables of it cannot come back`, {
        ...{ effect: "none", hint: "leave `tables` out: then the whole database comes back" },
      });
    }
    const { data, identity } = captured;
    return planTables({ data, identity, chosen: seen, standing, options, observed, expectedMs });
  }
}

/** Only of the very database that was captured can it be told which rows are newer. */
const keptRows = (
  name: string,
  { database }: CapturedDatabase,
  { keepLostRows, snapshots }: Options,
  standing: Standing | null,
): StepSpec[] => (keepLostRows && standing?.oid === database.oid ? [keepRowsStep(name, snapshots)] : []);

export const swapInputOf = (
  incoming: string,
  { undoFor, endWithin }: Options,
  { identity, summary, data: { standing } }: Observation<Pick<Seen, "standing">>,
): SwapInput => ({
  incoming,
  live: standing === null ? null : { oid: standing.oid, identity, summary },
  keepMs: undoFor,
  endMs: endWithin,
});

function refuseKeep(name: string, [kept]: readonly string[]): void {
  if (kept === undefined) return;
  throw new BackoutError(
    "REFUSED",
    `${name}: cannot keep "${kept}", since the database comes back as a whole`,
    {
      effect: "none",
      hint: "copy it back by hand out of the replaced database, which is kept; or name the others under `tables`",
    },
  );
}

/** Why it has to be in place; refuses where neither way is allowed. */
function inPlaceBecause(name: string, { way }: Options, standing: Standing): string | undefined {
  if (way === "in-place") return "the playbook says `way: in-place`";
  const { slots, subscriptions } = standing;
  const bound = [
    ...slots.map((slot) => `the logical replication slot "${slot}"`),
    ...subscriptions.map((subscription) => `the subscription "${subscription}"`),
  ];
  if (bound.length > 0) {
    throw new BackoutError(
      "REFUSED",
      `${name}: ${bound.join(", ")} belongs to the very database, and would go with the replaced one`,
      {
        effect: "none",
        hint: "drop it and make it again after the restore, or restore in place: `way: in-place`",
      },
    );
  }
  const against = againstSwap(name, standing);
  if (against.length === 0) return undefined;
  if (way === "auto") return against.join("; ");
  throw new BackoutError("REFUSED", `${name}: another database cannot be swapped in: ${against.join("; ")}`, {
    effect: "none",
    hint: "let `backout check` name the statements that grant it, or restore in place: `way: in-place`",
  });
}
