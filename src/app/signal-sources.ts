import type { SignalContext } from "../core/driver.js";
import { compileTriggers } from "../core/signal/compile-triggers.js";
import type { SignalSource } from "../engine/read-signals.js";
import { definedMemory } from "./defined-memory.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

interface Wanted {
  readonly only?: ReadonlySet<string>;
  /** Sources that tell by themselves are listened to until it is aborted; without it, only what a watch has heard is read. */
  readonly listening?: AbortSignal;
  /** What a signal had heard was heard under another definition of it. */
  readonly onForgotten?: (signal: string) => void;
}

/** The playbook's signals, or some of them, ready to be read: options checked, secrets in place. */
export async function signalSources(
  services: Services,
  events: CallEvents,
  { only, listening, onForgotten = () => {} }: Wanted = {},
): Promise<SignalSource[]> {
  const { reports, server, playbook } = services;
  const { environment } = playbook;
  const { measures } = compileTriggers(playbook);
  const chosen = Object.entries(playbook.signals).filter(([name]) => only?.has(name) ?? true);
  return Promise.all(
    chosen.map(async ([name, { driver: id, with: written, every, timeout, min, max }]) => {
      const driver = await services.drivers.signal(id);
      const options = driver.options.parse(await services.resolve(written, `signals.${name}.with`));
      const memory = definedMemory(services.memory(name), measures[name] ?? "", () => onForgotten(name));
      const contextFor = (signal: AbortSignal): SignalContext => ({
        ...driverContext(services, name, events),
        ...{ signal, reports, environment, server, memory },
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
