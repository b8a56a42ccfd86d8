import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { Check, DoneStep, DoneWork, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { durationText, utcText } from "../../core/report/measures.js";
import type { CapturedDatabase } from "./captured-database.js";
import { keptPath } from "./kept-file.js";
import { allNotes, checkDumps, readNote } from "./kept-state.js";
import type { Options } from "./options.js";
import { definitionsOf } from "./table-definitions.js";
import { verify } from "./verify.js";

/** What a run has overwritten or dropped, as it is in a dump from right before. */
export type KeptSeen = {
  readonly kind: "in-place" | "dropped" | "tables";
  /** Key of the snapshot step. */
  readonly from: string;
  readonly identity: string;
  readonly summary: string;
  readonly absent: readonly string[];
  /** Of chosen tables: which come back together, and the digests of their definitions. */
  readonly groups: readonly (readonly string[])[];
  readonly definitions: Readonly<Record<string, string>>;
  /** What the whole database needs that comes back; null for chosen tables. */
  readonly data: CapturedDatabase | null;
};

const kinds = new Map<string, KeptSeen["kind"]>([
  ["restore-in-place", "in-place"],
  ["make-room", "dropped"],
  ["restore-tables", "tables"],
]);

/** How the run has replaced what was there; `undefined` where it did not, or by a swap. */
export const replacedBy = (done: DoneWork<CapturedDatabase>): KeptSeen["kind"] | undefined =>
  done.steps.map(({ operation }) => kinds.get(operation)).find((kind) => kind !== undefined);

export async function keptSeen(
  done: DoneWork<CapturedDatabase>,
  kind: KeptSeen["kind"],
  options: Options,
  context: ObserveContext,
): Promise<KeptSeen> {
  const snapshot = done.steps.find(({ operation }) => operation === "snapshot");
  const note = snapshot && notePath(snapshot, done, options, context);
  const state = note === undefined ? undefined : await readNote(note, context);
  if (snapshot === undefined || note === undefined || state === undefined) {
    throw new BackoutError(
      "REFUSED",
      `${note ?? serverOf(options).database}: the dump of what was replaced is gone; it was kept for ${durationText(options.undoFor)}, or there was none`,
      { effect: "none", hint: "restore a checkpoint instead" },
    );
  }
  if (state.until !== undefined && state.until < context.clock.now()) {
    throw new BackoutError(
      "REFUSED",
      `${note}: the time to take the run back ended at ${utcText(state.until)}`,
      {
        effect: "none",
        hint: "restore a checkpoint instead, or the dump by hand (pg_restore) while it is still there",
      },
    );
  }
  await checkDumps(note, state, context);
  const { identity, summary, absent, data, dumps } = state;
  const groups = dumps.map(({ tables }) => tables);
  const tables = groups.flat().map((name) => ({ name }));
  return {
    ...{ kind, from: snapshot.key, identity, summary, absent, groups },
    definitions: definitionsOf(data.content, data.indexes ?? {}, tables),
    data: kind === "tables" ? null : data,
  };
}

function notePath(
  { key }: DoneStep,
  { captured }: DoneWork<CapturedDatabase>,
  options: Options,
  context: ObserveContext,
): string {
  const database = captured?.data.database.name ?? serverOf(options).database;
  return keptPath(context, options, { database, key, ending: "json" });
}

/** Compared with the dump's own note like a checkpoint; `undefined` where no note is of this identity. */
export async function verifyKept(
  identity: string,
  options: Options,
  context: ObserveContext,
): Promise<Check[] | undefined> {
  const notes = await allNotes(options.snapshots, context);
  const state = notes.find((one) => one.state.identity === identity)?.state;
  if (state === undefined) return undefined;
  const tables = state.dumps.flatMap((dump) => dump.tables);
  const only = options.tables === undefined ? {} : { tables };
  const part = { identity, summary: state.summary, data: state.data, artifacts: [], at: 0 };
  const checks =
    options.tables !== undefined && tables.length === 0
      ? []
      : await verify(part, { ...options, ...only }, context);
  return [...checks, ...(await stillAbsent(state.absent, options, context))];
}

async function stillAbsent(
  absent: readonly string[],
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  if (absent.length === 0) return [];
  const rows = await withConnection(serverOf(options), context, (connection) =>
    connection.rows<{ name: string; there: boolean }>(
      "select name, to_regclass(name) is not null as there from unnest($1::text[]) name",
      [absent],
    ),
  );
  return rows.map(({ name, there }) => ({
    ...{ name: `table ${name}`, result: there ? "failed" : "passed" },
    ...{ expected: "not there", actual: there ? "there" : "not there" },
  }));
}
