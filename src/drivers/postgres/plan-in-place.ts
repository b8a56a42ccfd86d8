import type { Observation, StepSpec } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import { damaged, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { lackOfDumpRoom } from "./room.js";
import { snapshotStep, spare } from "./snapshot-step.js";
import { timeLimit } from "./stage-step.js";
import type { Standing } from "./standing.js";
import type { InPlaceInput } from "./step-input.js";

export interface InPlace {
  /** What comes back. */
  readonly data: CapturedDatabase;
  readonly then: string;
  /** Key of the snapshot step whose dump it is; absent for the checkpoint. */
  readonly from?: string;
  readonly why: string;
  readonly standing: Standing;
  readonly expectedMs: number;
  readonly options: Options;
  readonly observed: Observation<Seen>;
}

/** The outage is the restore, by a single connection; what was there is in a dump from right before. */
export function inPlace(given: InPlace): StepSpec[] {
  const { data, then, from, why, standing, expectedMs, options, observed } = given;
  const { name } = data.database;
  const input: InPlaceInput = {
    ...{ oid: standing.oid, endMs: options.endWithin },
    ...(from === undefined ? {} : { from }),
  };
  const impact = impactOf(name, then, observed);
  const way = { what: `way of restoring ${name}`, before: "beside, then swapped", after: `in place: ${why}` };
  const lacking =
    observed.identity === damaged
      ? "it is damaged, so no dump of it can be made"
      : lackOfDumpRoom(data, standing.bytes, observed.data.dumpRoom);
  return [
    ...(lacking === undefined ? [snapshotStep({ database: name, ...spare(from) }, options, expectedMs)] : []),
    {
      operation: "restore-in-place",
      title: `clear ${name} and restore it in one transaction`,
      phase: "restore",
      exclusive: true,
      input,
      impact: {
        ...impact,
        changes: [...(impact.changes ?? []), way],
        ...(lacking === undefined ? {} : { irreversible: `the database is overwritten: ${lacking}` }),
      },
      expectedMs: expectedMs * options.jobs,
      timeoutMs: timeLimit(expectedMs * options.jobs),
    },
  ];
}
