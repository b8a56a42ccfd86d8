import { BackoutError } from "../core/errors.js";
import type { Clock, WatchStore } from "../core/ports.js";
import type { TriggerState } from "../core/signal/trigger-state.js";
import { parseTriggerState, triggerStateText } from "../core/signal/trigger-state-text.js";

/** Older ones say nothing about now: the tolerance that Prometheus has for its own alerts. */
const tooOldMs = 3_600_000;
const saveEvery = 1_000;

export interface WatchMemory {
  /** What an earlier watch left, where it can be trusted. */
  load(): Promise<TriggerState | undefined>;
  /** At most once a second, and at once where a trigger's phase has changed: a restart then finds every break. */
  save(state: TriggerState): void;
  /** Resolves when the last is written. */
  done(): Promise<void>;
}

/** What cannot be read or written is said, and watching goes on without it. */
export function watchMemory(store: WatchStore, clock: Clock, say: (text: string) => void): WatchMemory {
  let writable = true;
  let failing = false;
  let written = { at: Number.NEGATIVE_INFINITY, phases: "" };
  let waiting: TriggerState | undefined;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (waiting !== undefined) {
      const state = waiting;
      waiting = undefined;
      try {
        await store.write(triggerStateText(state));
        if (failing) say(`${store.path}: what the watch remembers is written again`);
        failing = false;
      } catch (error) {
        if (!failing) {
          const fact = error instanceof Error ? error.message : String(error);
          say(`${fact}; judging goes on, and a restart would begin anew`);
        }
        failing = true;
      }
    }
    writing = undefined;
  }

  return {
    async load() {
      try {
        const text = await store.read();
        if (text === undefined) return undefined;
        const state = parseTriggerState(text, store.path);
        if (Math.abs(clock.now() - state.judged) <= tooOldMs) return state;
        say(`${store.path}: it is more than an hour old; every trigger begins anew`);
      } catch (error) {
        if (!(error instanceof BackoutError)) throw error;
        // A later backout's file is left as it is.
        writable = error.code !== "STATE_NEWER";
        say(`${error.message}; it is not trusted, every trigger begins anew`);
      }
      return undefined;
    },
    save(state) {
      const phases = Object.values(state.triggers)
        .map(({ phase, since }) => `${phase}${since}`)
        .join();
      const at = clock.monotonic();
      if (!writable || (phases === written.phases && at - written.at < saveEvery)) return;
      written = { at, phases };
      waiting = state;
      writing ??= write();
    },
    done: async () => writing,
  };
}
