import type { Version } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import { type CallEvents, driverContext, loadTarget } from "./driver-call.js";
import type { Services } from "./services.js";

export interface TargetVersions {
  readonly target: string;
  readonly versions: readonly Version[];
  /** Why they could not be listed. */
  readonly error?: string;
}

/** Of one target, or of every target whose driver knows of versions: then one that cannot be asked keeps no other from being shown. */
export async function listVersions(
  services: Services,
  only: string | undefined,
  events: CallEvents,
): Promise<TargetVersions[]> {
  const names = Object.keys(services.playbook.targets);
  if (only !== undefined && !names.includes(only)) {
    throw new BackoutError("NOT_FOUND", `there is no target "${only}"`, {
      effect: "none",
      hint: `known: ${names.join(", ")}`,
    });
  }
  const listed: TargetVersions[] = [];
  for (const target of only === undefined ? names : [only]) {
    try {
      const { driver, options } = await loadTarget(services, target);
      if (driver.versions === undefined) continue;
      const versions = await driver.versions(options, driverContext(services, target, events));
      listed.push({ target, versions });
    } catch (error) {
      if (only !== undefined || !(error instanceof BackoutError) || events.signal.aborted) throw error;
      listed.push({ target, versions: [], error: error.message });
    }
  }
  return listed;
}
