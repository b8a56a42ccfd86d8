import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { objectState, putBack } from "./apply-objects.js";
import { applyRollout, rolloutState } from "./apply-rollout.js";
import { capturedSnapshot, type Data, refuseOther } from "./capture.js";
import { type Input, inputOf } from "./plan.js";
import { rolloutOf } from "./rollout.js";
import type { Snapshot } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import { readWorkload } from "./workload.js";

type Job = StepJob<TargetOptions, Data>;

interface Step {
  readonly read: Reader;
  readonly name: string;
  readonly input: Input;
  readonly captured: Snapshot;
  readonly context: StepContext;
}

interface Operation {
  apply(step: Step): Promise<Outcome>;
  settle(step: Step): Promise<Settlement>;
}

/** Objects beside the Deployment, one after the other: what was done by then is known. */
const putAll: Operation = {
  async apply({ read, input, captured }) {
    let changed = 0;
    for (const key of input.objects) {
      try {
        if (await putBack(read, key, captured, input)) changed++;
      } catch (error) {
        if (!(error instanceof BackoutError) || changed === 0) throw error;
        const { hint, details } = error;
        const more = {
          ...(hint === undefined ? {} : { hint }),
          ...(details === undefined ? {} : { details }),
        };
        throw new BackoutError(error.code, error.message, { ...more, effect: "unknown", cause: error });
      }
    }
    const all = input.objects.join(", ");
    return {
      summary: changed === 0 ? `${all}: as captured already` : `${all}: put back`,
      changed: changed > 0,
    };
  },
  async settle({ read, input, captured }) {
    const found = await Promise.all(input.objects.map((key) => objectState(read, key, captured, input)));
    const summary = found.map(({ key, state }) => `${key} is ${state}`).join(", ");
    if (found.every(({ state }) => state === "as wanted")) return { state: "applied", summary };
    if (found.every(({ state }) => state === "as planned")) return { state: "not-applied", summary };
    return { state: found.some(({ state }) => state === "other") ? "unknown" : "partial", summary };
  },
};

const limitOf = async ({ read, name }: Step): Promise<number> =>
  (await read.get<Workload>("Deployment", name)).spec.revisionHistoryLimit ?? 10;

const operations: Readonly<Record<string, Operation>> = {
  history: {
    async apply(step) {
      const { read, name, input } = step;
      const before = await limitOf(step);
      if (before >= input.historyLimit)
        return { summary: `${name}: keeps ${before} revisions`, changed: false };
      await read.api.json({
        method: "PATCH",
        path: (await read.needed("Deployment")).path(name),
        contentType: "application/merge-patch+json",
        body: { spec: { revisionHistoryLimit: input.historyLimit } },
      });
      return { summary: `${name}: keeps ${input.historyLimit} revisions, before ${before}`, changed: true };
    },
    async settle(step) {
      const limit = await limitOf(step);
      const state = limit >= step.input.historyLimit ? "applied" : "not-applied";
      return { state, summary: `revisionHistoryLimit is ${limit}` };
    },
  },
  objects: putAll,
  traffic: putAll,
  rollout: {
    apply: ({ read, name, input, captured, context }) => applyRollout(read, name, captured, input, context),
    async settle({ read, name, input, captured, context }) {
      const { state } = await rolloutState(read, name, captured, input, context.key);
      if (state === "as planned") return { state: "not-applied", summary: `${name}: is as it was` };
      if (state === "other") return { state: "unknown", summary: `${name}: was changed by somebody else` };
      const rollout = rolloutOf(await readWorkload(read, name));
      return {
        state: rollout.state === "done" ? "applied" : "partial",
        summary: `${name}: ${rollout.summary}`,
      };
    },
  },
};

async function onStep<T>(
  { operation, input, options, captured }: Job,
  context: StepContext,
  work: (operation: Operation, step: Step) => Promise<T>,
): Promise<T> {
  const known = operations[operation];
  if (known === undefined || captured === undefined) {
    throw new BackoutError("INTERNAL", `kubernetes: no operation "${operation}"`, { effect: "none" });
  }
  // Before anything is changed: an artifact that cannot be read stops it here.
  const snapshot = await capturedSnapshot(captured.data, context.artifacts);
  return withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const name = options.deployment;
    const { metadata } = await read.get<Workload>("Deployment", name);
    refuseOther(captured.data, `${api.namespace}/${name}`, metadata.uid, read);
    return work(known, { read, name, input: inputOf(input), captured: snapshot, context });
  });
}

export const apply = (job: Job, context: StepContext): Promise<Outcome> =>
  onStep(job, context, (operation, step) => operation.apply(step));

export const settle = (job: Job, context: StepContext): Promise<Settlement> =>
  onStep(job, context, (operation, step) => operation.settle(step));
