import type { CapturedPart } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

/** What a checkpoint has, or would have had, of a target. */
export interface LetGoPart extends CapturedPart {
  readonly driver: string;
  readonly options: JsonObject;
}

/** Lets go of what was kept elsewhere for parts of a checkpoint that there is not any more; says what is left, for a person. */
export async function letGo(
  services: Services,
  parts: Readonly<Record<string, LetGoPart>>,
  events: CallEvents,
): Promise<string[]> {
  const left: string[] = [];
  for (const [name, part] of Object.entries(parts)) {
    try {
      const driver = await services.drivers.target(part.driver);
      if (driver.letGo === undefined) continue;
      // By today's options where the target is still there: what signs in may have changed since.
      const { with: now, driver: by } = services.playbook.targets[name] ?? {};
      const given = by === part.driver && now !== undefined ? now : part.options;
      const options = driver.options.safeParse(await services.resolve(given, `targets.${name}.with`));
      if (!options.success) throw new BackoutError("REFUSED", "its options are not valid any more");
      const still = await driver.letGo(part, options.data, driverContext(services, name, events));
      left.push(...still.map((text) => services.redact(`${name}: ${text}`)));
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      left.push(services.redact(`${name}: ${error.message}`));
    }
  }
  return left;
}
