import type { SignalSource } from "../engine/read-signals.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

/** The playbook's signals, or those named, ready to be read: options checked, secrets in place. */
export async function signalSources(
  services: Services,
  events: CallEvents,
  only?: ReadonlySet<string>,
): Promise<SignalSource[]> {
  const { reports, playbook } = services;
  const { environment } = playbook;
  const chosen = Object.entries(playbook.signals).filter(([name]) => only?.has(name) ?? true);
  return Promise.all(
    chosen.map(async ([name, { driver: id, with: written, every, timeout, min, max }]) => {
      const driver = await services.drivers.signal(id);
      const options = driver.options.parse(await services.resolve(written, `signals.${name}.with`));
      return {
        name,
        every,
        timeout,
        min,
        max,
        read: (signal: AbortSignal) =>
          driver.read(options, { ...driverContext(services, name, events), signal, reports, environment }),
      };
    }),
  );
}
