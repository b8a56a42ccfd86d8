import type { Difference, Observation, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import type { ChosenSeen, Seen } from "./observe.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { totalRows } from "./read-content.js";
import { lackOfDumpRoom } from "./room.js";
import { snapshotStep, spare } from "./snapshot-step.js";
import { stageOrCompareStep, timeLimit } from "./stage-step.js";
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
  const tables = chosen.tables.map(
    ({ name: table, seen, same }): ChosenTable => ({
      ...{ name: table, seen },
      way: same ? "rows" : "anew",
    }),
  );
  const staged = stagedName(name, identity);
  const share = tables.reduce((sum, table) => sum + (data.content.tables[table.name]?.rows ?? 0), 0);
  const own = 2_000 + Math.ceil((2 * expectedMs * share) / Math.max(1, totalRows(data.content)));
  const [before, after] = putBack({
    ...{ database: name, data, tables, source: { staged } },
    ...{ chosen, standing, options, observed, expectedMs: own },
  });
  const { proven } = observed.data;
  const { bytes } = data.database;
  return [
    ...before,
    stageOrCompareStep(name, { staged }, { proven, bytes, restoreMs: expectedMs }),
    ...after,
  ];
}

type ChosenTable = TableWay & { readonly seen: string };

export interface PutBack {
  readonly database: string;
  /** Of the captured database, by whose dump it is told what a dump takes. */
  readonly data: CapturedDatabase;
  readonly tables: readonly ChosenTable[];
  readonly source: Pick<TablesInput, "staged" | "from">;
  readonly chosen: ChosenSeen;
  readonly standing: Standing;
  readonly options: Options;
  readonly observed: Observation<Seen>;
  readonly expectedMs: number;
}

/** The dump before it, where there is room for one, and the transaction. */
export function putBack(given: PutBack): [before: StepSpec[], after: StepSpec[]] {
  const { database, data, tables, source, chosen, standing, options, observed, expectedMs } = given;
  refuseDependents(tables, chosen);
  const there = Object.keys(chosen.around.there);
  const names = tables.map(({ name }) => name).join(", ");
  const bytes = chosen.tables.reduce((sum, one) => sum + one.bytes, 0);
  const lacking = lackOfDumpRoom(data, bytes, observed.data.dumpRoom);
  const input: TablesInput = { ...source, oid: standing.oid, tables, endMs: options.endWithin };
  const snapshot: SnapshotInput = {
    ...{ database, tables: there, ...spare(source.from) },
    anew: tables.filter(({ name, way }) => way !== "rows" && there.includes(name)).map(({ name }) => name),
    absent: tables.map(({ name }) => name).filter((name) => !there.includes(name)),
  };
  const impact = impactOf(
    database,
    `${names} as ${source.from === undefined ? "captured" : "before"}`,
    observed,
  );
  const restore: StepSpec = {
    operation: "restore-tables",
    title: `put ${names} back in one transaction`,
    phase: "restore",
    ...(source.staged === undefined ? {} : { needs: ["stage"] }),
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
      ...(lacking === undefined ? {} : { irreversible: `the tables are overwritten: ${lacking}` }),
    },
    expectedMs,
    timeoutMs: timeLimit(expectedMs),
  };
  return [lacking === undefined ? [snapshotStep(snapshot, options, expectedMs)] : [], [restore]];
}

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** A table that has changed is dropped and made again, never with CASCADE; one that was not there is dropped. */
function refuseDependents(tables: readonly TableWay[], { around }: ChosenSeen): void {
  const named = (...ways: TableWay["way"][]): Set<string> =>
    new Set(tables.filter(({ way }) => ways.includes(way)).map(({ name }) => name));
  const [dropped, gone] = [named("anew", "gone"), named("gone")];
  const tied = [
    ...around.dependents.filter(({ table }) => dropped.has(table)),
    ...around.foreignKeys
      .filter(({ table, references }) => gone.has(references) && !gone.has(table))
      .map(({ name, table, references }) => ({
        ...{ table: references, what: `foreign key ${name} of ${table}` },
      })),
  ];
  const [first] = tied;
  if (first === undefined) return;
  const each = tied.map(({ table, what }) => `${what} depends on ${table}`);
  throw refused(
    gone.has(first.table)
      ? `tables: ${first.table} was not there before, and cannot be dropped: ${each.join("; ")}`
      : `tables: ${first.table} has another definition than then, and cannot be made anew: ${each.join("; ")}`,
    "drop those first and make them again afterwards; or bring the whole database back, without `tables`",
  );
}

const ways: Readonly<Record<TableWay["way"], string>> = {
  rows: "all its rows are replaced",
  anew: "dropped and made anew, with keys, indexes and rights",
  gone: "dropped: it was not there",
};

const wayOf = ({ name, way }: TableWay): Difference => ({
  ...{ what: `way of restoring ${name}`, before: "with the whole database", after: ways[way] },
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
