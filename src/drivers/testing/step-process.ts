import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { CapturedPart, DriverModule, StepJob } from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import { contextsFor } from "./contexts.js";
import { countedContext } from "./counted-context.js";
import { countQueries } from "./counted-queries.js";

/** What the parent hands to the process that is to be killed, as a JSON file. */
export interface StepOrder {
  readonly folder: string;
  readonly artifacts: string;
  readonly captured: CapturedPart;
  readonly job: StepJob<Json, Json>;
  readonly key: string;
  readonly attempt: number;
  /** Kills itself with SIGKILL ahead of the n-th call (1 is the first), or at the end when there are fewer. */
  readonly killBefore?: number;
}

/** Applies one step; says `begin`, then `end <calls>`. Bundled together with the driver and run by `killedStep`. */
export async function stepProcess(module: DriverModule, orderFile: string): Promise<void> {
  const order = JSON.parse(await readFile(orderFile, "utf8")) as StepOrder;
  const driver = module.target;
  if (driver === undefined) throw new Error("the driver's module exports no target");
  const contexts = await contextsFor(order.folder);
  const taken = { part: order.captured, folder: order.artifacts };
  let calls = 0;
  const before = (): void => {
    calls++;
    if (calls === order.killBefore) process.kill(process.pid, "SIGKILL");
  };
  const context = countedContext(await contexts.step(taken, order.key, order.attempt), before);
  await countQueries(before);
  writeSync(process.stdout.fd, "begin\n");
  await driver.apply(order.job, context);
  writeSync(process.stdout.fd, `end ${calls}\n`);
  if (order.killBefore !== undefined) process.kill(process.pid, "SIGKILL");
  await contexts.cleanUp();
}
