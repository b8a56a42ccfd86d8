import type { Observation, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { impactOf } from "./impact.js";
import { damaged, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { lackOfDumpRoom, neededFor } from "./room.js";
import { snapshotStep, spare } from "./snapshot-step.js";
import { stageStep } from "./stage-step.js";
import type { Standing } from "./standing.js";
import type { MakeRoomInput, SwapInput } from "./step-input.js";

export interface WithoutRoom {
  readonly data: CapturedDatabase;
  readonly identity: string;
  readonly summary: string;
  readonly standing: Standing;
  readonly options: Options;
  readonly observed: Observation<Seen>;
  readonly expectedMs: number;
  /** Key of the snapshot step whose dump comes back; absent for the checkpoint. */
  readonly from?: string;
  /** What a swap takes, milliseconds. */
  readonly swapMs: number;
  readonly why: string;
}

const dropMs = 2_000;

/** Why a second copy cannot lie beside the live one; `undefined` where it can, or where nobody knows. */
export function lackOfRoom(
  data: CapturedDatabase,
  { identity, data: { room, dumpRoom } }: Observation<Seen>,
  { bytes }: Standing,
): string | undefined {
  const { database } = data;
  if (room?.free == null || room.free >= neededFor(database.bytes)) return undefined;
  const [free, needed] = [room.free, neededFor(database.bytes)].map((one) => Math.ceil(one / 1e6));
  const fact = `${room.folder} has ${free} MB free, a second copy needs ${needed} MB`;
  if (room.free + bytes < database.bytes) {
    throw new BackoutError(
      "REFUSED",
      `${database.name}: ${fact}, and would not have them without the live one either`,
      { effect: "none", hint: `make room there: \`df -h ${room.folder}\`` },
    );
  }
  const lacking =
    identity === damaged ? "it is damaged, so none can be made" : lackOfDumpRoom(data, bytes, dumpRoom);
  if (lacking === undefined) return fact;
  // A dump that fills the disk would take the live one down with it.
  throw new BackoutError(
    "REFUSED",
    `${database.name}: ${fact}, and without a dump of the live one it is not dropped: ${lacking}`,
    {
      effect: "none",
      hint:
        identity === damaged
          ? `make room there: \`df -h ${room.folder}\``
          : "make room there, or name a folder on another disk under `snapshots`",
    },
  );
}

/**
 * Where two copies do not fit: the live one is dumped, then dropped, then the captured one restored and given its name. Whoever
 * connects meanwhile finds no database, and never a part of one.
 */
export function dropFirst(given: WithoutRoom): StepSpec[] {
  const { data, identity, summary, standing, options, observed, expectedMs, swapMs, why } = given;
  const { name } = data.database;
  const staged = stagedName(name, identity);
  const from = given.from === undefined ? {} : { from: given.from };
  const room: MakeRoomInput = { oid: standing.oid, endMs: options.endWithin, ...from };
  const impact = impactOf(name, summary, observed);
  const swap: SwapInput = {
    ...{ incoming: staged, live: null, keepMs: options.undoFor, endMs: options.endWithin },
    ...from,
  };
  return [
    snapshotStep({ database: name, ...spare(given.from) }, options, expectedMs),
    {
      operation: "make-room",
      title: `drop ${name}, of which there is a dump by then`,
      phase: "restore",
      exclusive: true,
      input: room,
      impact: {
        ...impact,
        changes: [
          ...(impact.changes ?? []),
          {
            what: `way of restoring ${name}`,
            before: "beside, then swapped",
            after: `dropped first, then restored: ${why}. There is no ${name} until that has ended`,
          },
        ],
      },
      expectedMs: dropMs,
    },
    {
      ...stageStep(name, { staged, tablespace: standing.tablespace, ...from }, expectedMs),
      title: given.from === undefined ? `restore the captured ${name}` : `restore the dumped ${name}`,
      needs: ["make-room"],
      exclusive: true,
      impact: { interrupts: true },
    },
    {
      operation: "swap",
      title: `give it the name ${name}`,
      phase: "restore",
      needs: ["stage"],
      exclusive: true,
      input: swap,
      impact: { interrupts: true },
      expectedMs: swapMs,
    },
  ];
}
