import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, reader, wholeNamespace } from "../../clients/kubernetes/read.js";
import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { capturedSnapshot, type Data } from "./capture.js";
import { chosenSnapshot } from "./chosen.js";
import { type Input, inputOf } from "./input.js";
import { readKept } from "./kept.js";
import { isWorkload, nameOf, type Snapshot } from "./piece.js";
import { refuseOther } from "./same-cluster.js";
import { readerFor } from "./scope.js";
import { readPresent } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";

export interface Step {
  readonly read: Reader;
  /** Lists instead of asking one by one, as it is when the step begins. */
  readonly atOnce: Reader;
  readonly options: TargetOptions;
  readonly input: Input;
  readonly data: Data | undefined;
  /** What is put back. */
  readonly wanted: Snapshot;
  /** Workloads that were not ready when they were kept. */
  readonly unready: readonly string[];
  readonly context: StepContext;
}

export interface Operation {
  apply(step: Step): Promise<Outcome>;
  settle(step: Step): Promise<Settlement>;
}

export type Job = StepJob<TargetOptions, Data>;

/** From so many objects on they are listed. */
const many = 8;

export async function onStep<T>(
  { input: raw, options, captured }: Job,
  context: StepContext,
  work: (step: Step) => Promise<T>,
): Promise<T> {
  const input = inputOf(raw);
  const data = captured?.data;
  // Before anything is changed: an artifact that cannot be read stops it here.
  const then = data === undefined ? {} : await capturedSnapshot(data, context.artifacts);
  return withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const atOnce = input.objects.length > many ? wholeNamespace(read) : read;
    const kept = input.from === null ? undefined : await readKept(read, input.from);
    if (data !== undefined) {
      const keys = input.objects.filter((key) => isWorkload(nameOf(key).kind));
      const found = await Promise.all(
        keys.map(async (key) => {
          const { kind, name } = nameOf(key);
          return { key, workload: await atOnce.find<Workload>(kind, name) };
        }),
      );
      refuseOther(data, api, found);
    }
    const wanted =
      input.chosen === null
        ? (kept?.snapshot ?? then)
        : chosenSnapshot(input.chosen, await readPresent(readerFor(read, options), options));
    return work({ ...{ read, atOnce, options, input, data, wanted, context }, unready: kept?.unready ?? [] });
  });
}

/** Something was changed before it failed: what it left has to be looked at. */
export function partly(error: unknown, changed: boolean): unknown {
  if (!(error instanceof BackoutError) || !changed || error.effect !== "none") return error;
  const { code, message, hint, details } = error;
  return new BackoutError(code, message, {
    ...{ effect: "unknown", cause: error },
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  });
}
