import type { DoneWork, StepSpec, UndoObservation } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import type { Seen } from "./observe.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { restoreMsOf, swapInputOf, swapMs } from "./plan.js";
import { dropFirst, lackOfRoom } from "./plan-drop-first.js";
import { inPlace } from "./plan-in-place.js";
import { putBack } from "./plan-tables.js";
import { stageStep } from "./stage-step.js";
import type { KeptSeen } from "./undo-kept.js";

/** Out of the dump that was made right before, in the same way as it was replaced; what is there now is dumped in turn. */
export function planUndoKept(
  kept: KeptSeen,
  { captured }: DoneWork<CapturedDatabase>,
  observed: UndoObservation<Seen>,
  options: Options,
): StepSpec[] {
  const { from, data, identity, summary } = kept;
  const { standing } = observed.data;
  if (captured === undefined || (standing === null && data === null)) {
    throw new BackoutError("REFUSED", `${captured?.data.database.name ?? "the database"}: is not there`, {
      ...{ effect: "none", hint: "restore a checkpoint instead" },
    });
  }
  if (observed.identity === identity) return [];
  if (data === null) return undoTables(kept, captured.data, observed, options);
  const { name, bytes } = data.database;
  const expectedMs = restoreMsOf(bytes);
  // Where there is none, as after a run that came no further than its drop, the dump takes the free name.
  if (standing !== null) {
    const given = { data, from, standing, options, observed, expectedMs };
    if (kept.kind === "in-place") {
      return inPlace({
        ...given,
        then: summary,
        why: "out of the dump that was made before it was overwritten",
      });
    }
    const why = lackOfRoom(data, observed, standing);
    if (why !== undefined) return dropFirst({ ...given, identity, summary, swapMs, why });
  }
  const staged = stagedName(name, identity);
  return [
    stageStep(name, { staged, from }, expectedMs),
    {
      operation: "swap",
      title: `swap the dumped ${name} in by rename`,
      phase: "restore",
      needs: ["stage"],
      exclusive: true,
      input: { ...swapInputOf(staged, options, observed), from },
      impact: impactOf(name, summary, observed),
      expectedMs: swapMs,
    },
  ];
}

function undoTables(
  kept: KeptSeen,
  data: CapturedDatabase,
  observed: UndoObservation<Seen>,
  options: Options,
): StepSpec[] {
  const { from, groups, definitions, absent } = kept;
  const { standing, chosen } = observed.data;
  if (standing === null || chosen === null || chosen === undefined) return [];
  const seen = (name: string): string => chosen.tables.find((one) => one.name === name)?.seen ?? "";
  const back = groups.flatMap((tables) => {
    const same = tables.every((name) => seen(name) === definitions[name]);
    return tables.map((name) => ({
      name,
      seen: seen(name),
      way: same ? ("rows" as const) : ("anew" as const),
    }));
  });
  const gone = absent
    .filter((name) => seen(name) !== "")
    .map((name) => ({ name, seen: seen(name), way: "gone" as const }));
  const tables = [...back, ...gone];
  if (tables.length === 0) return [];
  const [before, after] = putBack({
    ...{ database: data.database.name, data, tables, source: { from } },
    ...{ chosen, standing, options, observed },
    expectedMs: 2_000 + restoreMsOf(chosen.tables.reduce((sum, { bytes }) => sum + bytes, 0)),
  });
  return [...before, ...after];
}
