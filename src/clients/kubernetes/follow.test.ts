import { expect, test } from "vitest";
import { BackoutError } from "../../core/errors.js";
import type { Kubernetes } from "./connect.js";
import { follow } from "./follow.js";
import type { KubernetesObject } from "./objects.js";

const pod = (name: string): KubernetesObject => ({ metadata: { name } });
const event = (type: string, object: object): string => JSON.stringify({ type, object });
const lost = new BackoutError("UNREACHABLE", "the line is dropped", { effect: "none" });

/** An API server by its script: each time it is listed the next part begins; a watch ends with its error or by itself. */
function server(
  parts: readonly { list: KubernetesObject[] | BackoutError; watch?: (string | BackoutError)[] }[],
) {
  const asked: string[] = [];
  let at = -1;
  const json = async <T>(): Promise<T> => {
    const part = parts[++at];
    asked.push("list");
    if (part === undefined) throw new BackoutError("DENIED", "nothing more is scripted", { effect: "none" });
    if (part.list instanceof BackoutError) throw part.list;
    return { metadata: { resourceVersion: String(100 + at) }, items: part.list } as T;
  };
  const api: Pick<Kubernetes, "json" | "lines"> = {
    json,
    async *lines({ query }) {
      asked.push(`watch from ${query?.["resourceVersion"]}`);
      for (const line of parts[at]?.watch ?? []) {
        if (line instanceof BackoutError) throw line;
        yield line;
      }
    },
  };
  return { api: api as Kubernetes, asked };
}

test("a watch that is dropped, that ends, or is too old is begun anew from a fresh list: nothing is missed", async () => {
  const { api, asked } = server([
    { list: [pod("a")], watch: [event("ADDED", pod("b")), lost] },
    { list: lost },
    { list: [pod("a"), pod("b")], watch: [event("DELETED", pod("a")), event("BOOKMARK", pod("x"))] },
    { list: [pod("b")], watch: [event("ERROR", { code: 410 }), event("ADDED", pod("never"))] },
    { list: [pod("b"), pod("c")], watch: [event("MODIFIED", pod("c"))] },
  ]);
  const seen: string[] = [];
  const waits: number[] = [];
  const said: string[] = [];
  const following = follow<KubernetesObject>(
    api,
    {
      ...{ path: "/pods", query: {} },
      changed: (items) => void seen.push(items.map(({ metadata }) => metadata.name).join(" ")),
      lost: (error) => void said.push(String(error)),
      sleep: async (ms) => void waits.push(ms),
    },
    new AbortController().signal,
  );
  await expect(following).rejects.toThrow("nothing more is scripted");
  expect(seen).toEqual(["a", "a b", "a b", "b", "b", "b c", "b c"]);
  expect(asked).toEqual([
    ...["list", "watch from 100", "list", "list", "watch from 102", "list", "watch from 103"],
    ...["list", "watch from 104", "list"],
  ]);
  expect(said).toHaveLength(2);
  expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
});
