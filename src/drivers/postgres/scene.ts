import type { Connection } from "../../clients/postgres/connection.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { Outcome, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type DatabaseRow, named, ownMarker } from "./databases.js";
import { type Gate, type KeptMarker, type Marker, markerText } from "./marker.js";
import { keptName } from "./own-names.js";
import { refusePrepared } from "./prepared.js";
import { endSessions } from "./sessions.js";
import { sourceOf } from "./source.js";
import { type Job, type SwapInput, swapInput } from "./step-input.js";

/** Both databases as they stand before anything is done. */
export interface Scene {
  readonly incoming: DatabaseRow;
  readonly marker: Marker;
  readonly live: DatabaseRow | undefined;
  /** What the live one will be called. */
  readonly kept: string;
}

const conflict = (message: string, hint: string): BackoutError =>
  new BackoutError("CONFLICT", message, { effect: "none", hint });

/** Refuses where something is not as the plan saw it. */
export function sceneOf(
  databases: readonly DatabaseRow[],
  database: string,
  input: SwapInput,
  key: string,
): Scene {
  const live = named(databases, database);
  if (live?.oid !== input.live?.oid) throw moved(databases, database, input);
  const incoming = named(databases, input.incoming);
  if (incoming === undefined) {
    throw conflict(
      `${input.incoming}: is gone, so there is nothing to swap in`,
      "plan again: that makes a new copy",
    );
  }
  const marker = ownMarker(incoming);
  if (marker?.of !== database || (marker.kind === "staged" && !marker.complete)) {
    throw conflict(
      `${input.incoming}: is not known to hold what was captured of ${database}`,
      "rename it, if it is yours, and plan again",
    );
  }
  return { incoming, marker, live, kept: keptName(database, key) };
}

function moved(databases: readonly DatabaseRow[], database: string, { live }: SwapInput): BackoutError {
  const again = "look who did that; then plan again";
  if (live === null)
    return conflict(`${database}: there was none when the plan was made, and now there is`, again);
  const elsewhere = databases.find(({ oid }) => oid === live.oid);
  if (elsewhere !== undefined) {
    return conflict(`${database}: was renamed to "${elsewhere.name}" since the plan was made`, again);
  }
  return named(databases, database) === undefined
    ? conflict(`${database}: was dropped since the plan was made`, again)
    : conflict(`${database}: is another database than when the plan was made`, again);
}

const comment = (name: string, text: string | null): string =>
  `comment on database ${identifier(name)} is ${text === null ? "null" : literal(text)};`;

const rename = (from: string, to: string): string =>
  `alter database ${identifier(from)} rename to ${identifier(to)};`;

const gateOf = (name: string, { allow, limit, template }: Gate): string =>
  `alter database ${identifier(name)} allow_connections ${allow} connection limit ${limit} is_template ${template};`;

/** How the database that comes in is to be from then on. */
async function becomes(
  marker: Marker,
  was: Gate,
  job: Job,
  context: StepContext,
): Promise<{ gate: Gate; comment: string | null }> {
  if (marker.kind === "kept") return { gate: marker.gate, comment: marker.comment };
  const { data } = await sourceOf(job, swapInput(job).from, context);
  const { connectionLimit, comment: text } = data.database;
  return { gate: { ...was, limit: connectionLimit }, comment: text === "" ? null : text };
}

/** Both names, both comments and the gate in one transaction: nobody ever sees a part of it. Answers until when the old one is kept. */
export async function exchangeNames(
  connection: Connection,
  { incoming, marker, live, kept }: Scene & { readonly live: DatabaseRow },
  allow: boolean,
  job: Job,
  context: StepContext,
): Promise<number> {
  const { keepMs, endMs, live: seen } = swapInput(job);
  const at = context.clock.now();
  const was: Gate = { ...live.gate, allow };
  const now = await becomes(marker, was, job, context);
  const mark: KeptMarker = {
    ...{
      kind: "kept",
      of: live.name,
      oid: live.oid,
      key: context.key,
      by: incoming.oid,
      brought: marker.identity,
    },
    ...{ identity: seen?.identity ?? "", summary: seen?.summary ?? "", at, until: at + keepMs },
    ...{ comment: live.comment, gate: was },
  };
  const sql = [
    rename(live.name, kept),
    rename(incoming.name, live.name),
    comment(kept, markerText(mark)),
    comment(live.name, now.comment),
    gateOf(kept, { ...was, allow: false, template: false }),
    gateOf(live.name, now.gate),
  ].join("\n");
  const begun = context.clock.monotonic();
  for (;;) {
    await refusePrepared(connection, live.name);
    await endSessions(connection, { oid: live.oid, database: live.name, except: 0, limitMs: endMs }, context);
    try {
      await connection.run(sql);
      return mark.until;
    } catch (error) {
      // Somebody was half-way through the door when it was shut.
      const again = error instanceof BackoutError && error.code === "CONFLICT";
      if (!again || context.clock.monotonic() - begun > endMs) throw error;
    }
  }
}

/** Where there is no live database, its name is free. */
export async function takeFreeName(
  connection: Connection,
  { incoming, marker }: Scene,
  job: Job,
  context: StepContext,
): Promise<Outcome> {
  const name = marker.of;
  const now = await becomes(marker, { allow: true, limit: -1, template: false }, job, context);
  await connection.run(
    [rename(incoming.name, name), comment(name, now.comment), gateOf(name, now.gate)].join("\n"),
  );
  return { summary: `${name} is back; there was none to keep`, changed: true };
}
