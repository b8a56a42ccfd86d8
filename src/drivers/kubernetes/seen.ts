import type { Pod } from "../../clients/kubernetes/objects.js";
import { BackoutError } from "../../core/errors.js";
import { inParallel } from "./apply-workloads.js";
import { type KeyReader, keyReaders } from "./key-readers.js";
import { nameOf } from "./piece.js";
import type { Operation, Step } from "./step.js";
import { readWorkload, type WorkloadName } from "./workload.js";

interface Asked {
  /** `api-5d9c-x2/app`. */
  readonly who: string;
  readonly pod: Pod;
  readonly reader: KeyReader;
}

/** Every container of every pod that gets the key, old pods too: one that is left would go on without it. */
async function everyone({ read, input }: Step): Promise<Asked[]> {
  const { chosen } = input;
  if (chosen?.way !== "switch") return [];
  const map = nameOf(chosen.object).name;
  const found = await inParallel(input.objects, async (key) => {
    const { pods } = await readWorkload(read, nameOf(key) as WorkloadName);
    return pods.flatMap((pod) =>
      keyReaders(pod, map, chosen.key).map((reader) => ({
        ...{ who: `${pod.metadata.name}/${reader.container}`, pod, reader },
      })),
    );
  });
  return found.flat();
}

/** What the process has: its first one's environment, as it was started with, or the file as it is in it. */
async function valueIn({ read }: Step, { pod, reader }: Asked): Promise<string | undefined> {
  const place = (await read.needed("Pod")).path(pod.metadata.name);
  const path = `${place}/exec?container=${encodeURIComponent(reader.container)}`;
  const file = reader.file ?? "/proc/1/environ";
  const text = await read.api.output({ path }, ["cat", file]);
  if (reader.variable === undefined) return text;
  const start = `${reader.variable}=`;
  return text
    .split("\0")
    .find((one) => one.startsWith(start))
    ?.slice(start.length);
}

async function without(step: Step): Promise<{ asked: number; wrong: string[] }> {
  const { chosen } = step.input;
  const wanted = chosen?.way === "switch" ? chosen.value : null;
  const all = await everyone(step);
  const wrong = await inParallel(all, async (one) =>
    ((await valueIn(step, one)) ?? null) === wanted ? [] : [one.who],
  );
  return { asked: all.length, wrong: wrong.flat() };
}

/** M14: a key that was set and a pod that was made anew are no proof that its process has the value. */
export const seen: Operation = {
  async apply(step) {
    const summary = step.input.chosen?.summary ?? "";
    try {
      const { asked, wrong } = await without(step);
      if (wrong.length === 0) return { summary: `${asked} processes have ${summary}`, changed: false };
      throw new BackoutError("CHECK_FAILED", `${wrong.join(", ")}: has not got ${summary}`, {
        effect: "none",
        hint: "something else sets it there: `env` of the container, or a ConfigMap that comes later in `envFrom`",
      });
    } catch (error) {
      if (!(error instanceof BackoutError) || error.code !== "COMMAND_FAILED") throw error;
      throw new BackoutError("COMMAND_FAILED", error.message, {
        ...{ effect: "none", cause: error },
        hint: "an image without `cat` cannot be asked: `seen: unasked`, and a check that asks the application",
      });
    }
  },
  async settle(step) {
    const { asked, wrong } = await without(step);
    return {
      state: wrong.length === 0 ? "applied" : "not-applied",
      summary: `${asked - wrong.length} of ${asked} processes have it`,
    };
  },
};
