import type { SignalContext } from "../core/driver.js";
import type { SignalSource } from "../engine/read-signals.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

/**
 * The playbook's signals, or those named, ready to be read: options checked, secrets in place. Sources that tell by
 * themselves are listened to until `listening` is aborted; without it, only what a watch has heard is read.
 */
export async function signalSources(
  services: Services,
  events: CallEvents,
  only?: ReadonlySet<string>,
  listening?: AbortSignal,
): Promise<SignalSource[]> {
  const { reports, server, playbook } = services;
  const { environment } = playbook;
  const chosen = Object.entries(playbook.signals).filter(([name]) => only?.has(name) ?? true);
  return Promise.all(
    chosen.map(async ([name, { driver: id, with: written, every, timeout, min, max }]) => {
      const driver = await services.drivers.signal(id);
      const options = driver.options.parse(await services.resolve(written, `signals.${name}.with`));
      const contextFor = (signal: AbortSignal): SignalContext => ({
        ...driverContext(services, name, events),
        ...{ signal, reports, environment, server, memory: services.memory(name) },
      });
      const listens = listener(async () => {
        if (listening !== undefined) await driver.listen?.(options, contextFor(listening));
      });
      return {
        name,
        every,
        timeout,
        min,
        max,
        read: async (signal: AbortSignal) => {
          await listens();
          return driver.read(options, contextFor(signal));
        },
      };
    }),
  );
}

/** Begins once; after a failure, again at the next call. */
function listener(begin: () => Promise<void>): () => Promise<void> {
  let begun: Promise<void> | undefined;
  return async () => {
    begun ??= begin();
    try {
      await begun;
    } catch (error) {
      begun = undefined;
      throw error;
    }
  };
}
