import type { DriverContext, TargetDriver } from "../core/driver.js";
import type { TargetDefinition } from "../core/playbook/playbook.js";
import type { Services } from "./services.js";

export interface CallEvents {
  readonly signal: AbortSignal;
  /** What the target is doing right now. */
  readonly onProgress?: (target: string, line: string) => void;
}

/** A context for calling a driver outside a run. */
export function driverContext(services: Services, name: string, events: CallEvents): DriverContext {
  const { host, http, clock, redact } = services;
  const say = (line: string): void => events.onProgress?.(name, redact(line));
  return { name, host, http, clock, signal: events.signal, progress: say, log: say };
}

/** The target's driver, and its options with secrets in place. */
export async function loadTarget(
  services: Services,
  name: string,
): Promise<{ definition: TargetDefinition; driver: TargetDriver; options: unknown }> {
  const definition = services.playbook.targets[name] as TargetDefinition;
  const driver = await services.drivers.target(definition.driver);
  const options = driver.options.parse(await services.resolve(definition.with, `targets.${name}.with`));
  return { definition, driver, options };
}
