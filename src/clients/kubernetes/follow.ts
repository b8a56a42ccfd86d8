import { passes } from "./api-error.js";
import type { Kubernetes } from "./connect.js";
import type { KubernetesObject, ObjectList } from "./objects.js";

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

interface Follow<T> {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Called with everything that matches, after each change. */
  readonly changed: (items: readonly T[]) => void;
  /** Called when the server does not answer, and it is tried again. */
  readonly lost: (error: unknown) => void;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A watch that the server ends is begun anew after so long, so that a broken line is noticed. */
const watchSeconds = 240;

/**
 * Lists, then watches; lists again when the watch ends or the server was away. Ends when the signal is aborted; rejects
 * where the server refuses.
 */
export async function follow<T extends KubernetesObject>(
  api: Kubernetes,
  { path, query, changed, lost, sleep }: Follow<T>,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const list = await api.json<ObjectList<T>>({ path, query });
      const items = new Map(list.items.map((item) => [item.metadata.name, item]));
      changed([...items.values()]);
      failures = 0;
      const watch = { watch: "1", timeoutSeconds: String(watchSeconds) };
      const from = { resourceVersion: list.metadata.resourceVersion ?? "0" };
      const call = { path, query: { ...query, ...watch, ...from }, idleMs: (watchSeconds + 10) * 1000 };
      for await (const line of api.lines(call, signal)) {
        const { type, object } = JSON.parse(line) as WatchEvent<T>;
        // The place to go on from is too old: list again.
        if (type === "ERROR") break;
        if (type === "BOOKMARK") continue;
        if (type === "DELETED") items.delete(object.metadata.name);
        else items.set(object.metadata.name, object);
        changed([...items.values()]);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!passes(error)) throw error;
      lost(error);
      failures++;
      await sleep(Math.min(200 * 2 ** failures, 3_000), signal).catch(() => undefined);
    }
  }
}
