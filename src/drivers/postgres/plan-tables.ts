import type { Difference, Observation, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import type { ChosenSeen, Seen } from "./observe.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { totalRows } from "./read-content.js";
import { stageStep, timeLimit } from "./stage-step.js";
import type { Standing } from "./standing.js";
import type { SnapshotInput, TablesInput } from "./step-input.js";
import type { TableWay } from "./tables-script.js";

export interface ChosenPlan {
  readonly data: CapturedDatabase;
  readonly identity: string;
  readonly chosen: ChosenSeen;
  readonly standing: Standing;
  readonly options: Options;
  readonly observed: Observation<Seen>;
  readonly expectedMs: number;
}

/**
 * The checkpoint is restored beside, whole and compared; out of it the chosen tables are put into the live database by one
 * transaction. Whatever would be taken along unseen is refused here, by name (H36).
 */
export function planTables(given: ChosenPlan): StepSpec[] {
  const { data, identity, chosen, standing, options, observed, expectedMs } = given;
  const { name } = data.database;
  if (!standing.createDatabase) {
    throw refused(
      `${name}: chosen tables are restored by way of a database beside, and this user may not create databases`,
      "let `backout check` name the statement that grants it",
    );
  }
  const tables = chosen.tables.map(({ name: table, seen, same }): TableWay & { seen: string } => ({
    ...{ name: table, seen },
    way: same ? "rows" : "anew",
  }));
  refuseDependents(tables, chosen);
  const there = Object.keys(chosen.around.there);
  const staged = stagedName(name, identity);
  const names = tables.map((one) => one.name).join(", ");
  const input: TablesInput = { staged, oid: standing.oid, tables, endMs: options.endWithin };
  const snapshot: SnapshotInput = { database: name, tables: there };
  const share = tables.reduce((sum, table) => sum + (data.content.tables[table.name]?.rows ?? 0), 0);
  const own = 2_000 + Math.ceil((2 * expectedMs * share) / Math.max(1, totalRows(data.content)));
  const impact = impactOf(name, `${names} as captured`, observed);
  const dump: StepSpec = {
    operation: "snapshot",
    title: `dump ${names} as they are, to ${options.snapshots}`,
    phase: "preserve",
    input: snapshot,
    expectedMs: own,
    timeoutMs: timeLimit(own),
  };
  return [
    ...(there.length === 0 ? [] : [dump]),
    stageStep(name, staged, expectedMs),
    {
      operation: "restore-tables",
      title: `put ${names} back in one transaction`,
      phase: "restore",
      needs: ["stage"],
      exclusive: true,
      input,
      impact: {
        ...impact,
        changes: [
          ...(impact.changes ?? []),
          ...tables.map(wayOf),
          ...crossing(tables, chosen),
          ...refreshed(chosen),
        ],
        irreversible: `the tables are overwritten; a dump of them is in ${options.snapshots}, for pg_restore`,
      },
      expectedMs: own,
      timeoutMs: timeLimit(own),
    },
  ];
}

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** A table that has changed is dropped and made again, never with CASCADE. */
function refuseDependents(tables: readonly TableWay[], { around }: ChosenSeen): void {
  const anew = new Set(tables.filter(({ way }) => way === "anew").map(({ name }) => name));
  const tied = around.dependents.filter(({ table }) => anew.has(table));
  if (tied.length === 0) return;
  const each = tied.map(({ table, what }) => `${what} depends on ${table}`);
  throw refused(
    `tables: ${tied[0]?.table} has another definition than then, and cannot be made anew: ${each.join("; ")}`,
    "drop those first and make them again afterwards; or bring the whole database back, without `tables`",
  );
}

const wayOf = ({ name, way }: TableWay): Difference => ({
  what: `way of restoring ${name}`,
  before: "with the whole database",
  after:
    way === "rows" ? "all its rows are replaced" : "dropped and made anew, with keys, indexes and rights",
});

/** Foreign keys between a chosen table and one that stays as it is. */
const crossing = (tables: readonly TableWay[], { around }: ChosenSeen): Difference[] => {
  const chosen = new Set(tables.map(({ name }) => name));
  return around.foreignKeys
    .filter(({ table, references }) => chosen.has(table) !== chosen.has(references))
    .map(({ name, table, references }) => ({
      what: `foreign key ${name} of ${table}`,
      before: `refers to ${references}`,
      after: "checked against every row again: where one does not fit, nothing is restored",
    }));
};

const refreshed = ({ around }: ChosenSeen): Difference[] =>
  around.materializedViews.map((name) => ({
    ...{ what: `materialized view ${name}`, before: "as it is", after: "refreshed in the same transaction" },
  }));
