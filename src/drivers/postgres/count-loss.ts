import { connect } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { DataLoss, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { DatabaseRow } from "./databases.js";
import { lostSince } from "./losses.js";
import type { Job } from "./step-input.js";

/** Our own connection to the live database, made before nobody is let in any more. */
export interface Counting {
  readonly pid: number;
  /** Once nobody else can write. `undefined` where it did not work in time: no reason to let the outage last. */
  count(): Promise<readonly DataLoss[] | undefined>;
  close(): Promise<void>;
}

const mostMs = 1_000;

/** `undefined` where the live database lets nobody in: damaged, or fenced by an earlier attempt. */
export async function openCount(
  job: Job,
  live: DatabaseRow,
  context: StepContext,
): Promise<Counting | undefined> {
  const { captured } = job;
  // By counters alone it is quick enough, and a given dump has none: what the plan has counted stands.
  if (captured === undefined || captured.data.given || !live.gate.allow) return undefined;
  const unclear = (error: unknown): undefined => {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    context.log(`${live.name}: not counted again what is lost: ${error.message}`);
    return undefined;
  };
  try {
    const connection = await connect(serverOf(job.options), context, { statementMs: mostMs, lockMs: mostMs });
    return {
      pid: connection.pid,
      count: () => lostSince(connection, captured.data).catch(unclear),
      close: connection.close,
    };
  } catch (error) {
    return unclear(error);
  }
}
