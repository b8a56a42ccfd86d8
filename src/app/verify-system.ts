import type { Checkpoint } from "../core/checkpoint/manifest.js";
import type { Check } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { CheckDefinition } from "../core/playbook/playbook.js";
import { pollCheck } from "../engine/poll-check.js";
import { type CallEvents, driverContext, loadTarget } from "./driver-call.js";
import type { Services } from "./services.js";

export interface Verification {
  /** `check.health`, `db`. */
  readonly subject: string;
  readonly checks: readonly Check[];
}

export interface VerifyRequest extends CallEvents {
  /** Compare the targets with this checkpoint as well. */
  readonly checkpoint?: Checkpoint;
  /** Wait for each check as long as the playbook allows; else ask once. */
  readonly wait: boolean;
  readonly onResult?: (result: Verification) => void;
}

/** All checks of the playbook and, against a checkpoint, every target's own comparison. Changes nothing. */
export async function verifySystem(services: Services, request: VerifyRequest): Promise<Verification[]> {
  const { checks, targets } = services.playbook;
  const jobs = [
    ...Object.keys(checks).map((name) => ({
      subject: `check.${name}`,
      run: () => ask(services, name, request),
    })),
    ...Object.keys(request.checkpoint === undefined ? {} : targets).map((name) => ({
      subject: name,
      run: () => compare(services, name, request.checkpoint as Checkpoint, request),
    })),
  ];
  const results = await Promise.all(
    jobs.map(async ({ subject, run }): Promise<Verification> => {
      const result = { subject, checks: await measured(run) };
      request.onResult?.(result);
      return result;
    }),
  );
  return results.filter(({ checks: own }) => own.length > 0);
}

/** Nothing measured is not verified. */
export const allPassed = (results: readonly Verification[]): boolean =>
  results.length > 0 && results.every(({ checks }) => checks.every((check) => check.result === "passed"));

async function ask(services: Services, name: string, request: VerifyRequest): Promise<readonly Check[]> {
  const check = services.playbook.checks[name] as CheckDefinition;
  const driver = await services.drivers.check(check.driver);
  const options = driver.options.parse(await services.resolve(check.with, `checks.${name}.with`));
  const run = () => driver.run(options, driverContext(services, name, request));
  return request.wait ? pollCheck(run, check, services.clock, request.signal) : run();
}

async function compare(
  services: Services,
  name: string,
  checkpoint: Checkpoint,
  events: CallEvents,
): Promise<readonly Check[]> {
  const part = checkpoint.parts[name];
  const { driver, options } = await loadTarget(services, name);
  if (part === undefined || driver.verify === undefined) return [];
  const scratch = services.scratch(`verify-${name}`);
  try {
    const artifacts = services.checkpoints.reader(checkpoint.id, name, scratch.folder);
    return await driver.verify(part, options, { ...driverContext(services, name, events), artifacts });
  } finally {
    await scratch.done();
  }
}

/** A check that could not be asked is an error among the results, so that the others are still seen. */
async function measured(run: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    return [{ name: "could be asked", result: "error", message: error.message }];
  }
}
