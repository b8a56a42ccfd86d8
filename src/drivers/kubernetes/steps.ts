import type { Workload } from "../../clients/kubernetes/objects.js";
import { remembering } from "../../clients/kubernetes/read.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { objectState, putBack } from "./apply-objects.js";
import { awaitWorkloads, inParallel } from "./apply-workloads.js";
import { capturedSnapshot, identityOf, keyOfState } from "./capture.js";
import { dropExpired, keptName, writeKept } from "./kept.js";
import { digestsIn, nameOf } from "./piece.js";
import { rolloutOf } from "./rollout.js";
import { readerFor } from "./scope.js";
import { seen } from "./seen.js";
import { readPresent } from "./snapshot.js";
import { type Job, type Operation, onStep, partly, type Step } from "./step.js";
import { remove, restart, start, stop } from "./stop-start.js";
import { throwSwitch } from "./throw-switch.js";
import { readWorkload, type WorkloadName } from "./workload.js";
import { changeWorkload, workloadChange } from "./workload-change.js";

const keep: Operation = {
  async apply({ read, options, data, context }) {
    const name = keptName(context.key);
    const then = data === undefined ? undefined : await capturedSnapshot(data, context.artifacts);
    const once = remembering(readerFor(read, options));
    const [present, alone] = await Promise.all([
      readPresent(once, options, then),
      readPresent(once, options),
    ]);
    const unready = present.states.filter((state) => rolloutOf(state).state !== "done").map(keyOfState);
    const identity = identityOf(digestsIn(alone.snapshot));
    const kept = { snapshot: present.snapshot, identity, unready };
    const changed = await writeKept(read, name, kept, context.clock.now() + options.undo);
    await dropExpired(read, name, context);
    const count = Object.keys(present.snapshot).length;
    return { summary: `ConfigMap ${name}: keeps ${count} objects`, changed };
  },
  async settle({ read, context }) {
    const name = keptName(context.key);
    const there = (await read.find("ConfigMap", name)) !== undefined;
    return {
      state: there ? "applied" : "not-applied",
      summary: `ConfigMap ${name}: ${there ? "there" : "not there"}`,
    };
  },
};

const limitsOf = ({ atOnce, input }: Step): Promise<{ key: string; limit: number }[]> =>
  inParallel(input.objects, async (key) => {
    const { kind, name } = nameOf(key);
    const { spec } = await atOnce.get<Workload>(kind, name);
    return { key, limit: spec.revisionHistoryLimit ?? 10 };
  });

const history: Operation = {
  async apply(step) {
    const { read, input } = step;
    const small = (await limitsOf(step)).filter(({ limit }) => limit < input.historyLimit);
    await inParallel(small, async ({ key }) => {
      const { kind, name } = nameOf(key);
      await read.api.json({
        method: "PATCH",
        path: (await read.needed(kind)).path(name),
        contentType: "application/merge-patch+json",
        body: { spec: { revisionHistoryLimit: input.historyLimit } },
      });
    });
    const all = small.map(({ key, limit }) => `${key}: before ${limit}`).join(", ");
    return {
      summary: `keeps ${input.historyLimit} revisions; ${all || "as before"}`,
      changed: small.length > 0,
    };
  },
  async settle(step) {
    const limits = await limitsOf(step);
    const done = limits.filter(({ limit }) => limit >= step.input.historyLimit).length;
    return {
      state: stateFor(done, limits.length),
      summary: `${done} of ${limits.length} keep enough revisions`,
    };
  },
};

const stateFor = (done: number, all: number): Settlement["state"] =>
  done === all ? "applied" : done === 0 ? "not-applied" : "partial";

/** Objects beside the workloads: what was done when one fails is known. */
const putAll: Operation = {
  async apply({ read, input, wanted }) {
    let changed = 0;
    try {
      await inParallel(input.objects, async (key) => {
        if (await putBack(read, key, wanted, input)) changed++;
      });
    } catch (error) {
      throw partly(error, changed > 0);
    }
    const all = input.objects.join(", ");
    return {
      summary: changed === 0 ? `${all}: as captured already` : `${all}: put back`,
      changed: changed > 0,
    };
  },
  async settle({ read, input, wanted }) {
    const found = await inParallel(input.objects, (key) => objectState(read, key, wanted, input));
    const summary = found.map(({ key, state }) => `${key} is ${state}`).join(", ");
    if (found.every(({ state }) => state === "as wanted")) return { state: "applied", summary };
    if (found.every(({ state }) => state === "as planned")) return { state: "not-applied", summary };
    return { state: found.some(({ state }) => state === "other") ? "unknown" : "partial", summary };
  },
};

const rollout: Operation = {
  async apply({ read, atOnce, input, wanted, data, unready, context }) {
    let changed = 0;
    // All are looked at before the first is changed.
    const first = await inParallel(input.objects, (key) =>
      workloadChange(atOnce, key, wanted, input, context.key),
    );
    const other = first.find(({ state }) => state === "other");
    const order = other === undefined ? first : [other];
    try {
      const followed = await inParallel(order, async (one) => {
        const uid = data?.workloads[one.key]?.uid ?? "";
        const more = { stepKey: context.key, insteadOf: uid, first: one };
        const done = await changeWorkload(read, one.key, wanted, input, more);
        if (done.changed) changed++;
        return { kind: nameOf(one.key).kind as WorkloadName["kind"], workload: done.workload };
      });
      if (input.stopped)
        return { summary: `${input.objects.join(", ")}: set, still at nothing`, changed: changed > 0 };
      return { summary: await awaitWorkloads(read, followed, unready, context), changed: changed > 0 };
    } catch (error) {
      throw partly(error, changed > 0);
    }
  },
  async settle({ read, input, wanted, unready, context }) {
    const found = await inParallel(input.objects, async (key) => {
      const { state } = await workloadChange(read, key, wanted, input, context.key);
      if (state !== "as wanted" || input.stopped || unready.includes(key)) return { key, state, ready: true };
      const name = nameOf(key) as WorkloadName;
      return { key, state, ready: rolloutOf(await readWorkload(read, name)).state === "done" };
    });
    const summary = found
      .map(({ key, state, ready }) => `${key} is ${state}${ready ? "" : ", not yet ready"}`)
      .join(", ");
    if (found.some(({ state }) => state === "other")) return { state: "unknown", summary };
    if (found.every(({ state }) => state === "as planned")) return { state: "not-applied", summary };
    const all = found.every(({ state, ready }) => state === "as wanted" && ready);
    return { state: all ? "applied" : "partial", summary };
  },
};

const operations: Readonly<Record<string, Operation>> = {
  ...{ keep, history, stop, remove, objects: putAll, rollout },
  ...{ traffic: putAll, start, restart, switch: throwSwitch, seen },
};

function operationOf({ operation }: Job): Operation {
  const known = operations[operation];
  if (known !== undefined) return known;
  throw new BackoutError("INTERNAL", `kubernetes: no operation "${operation}"`, { effect: "none" });
}

export const apply = (job: Job, context: StepContext): Promise<Outcome> =>
  onStep(job, context, (step) => operationOf(job).apply(step));

export const settle = (job: Job, context: StepContext): Promise<Settlement> =>
  onStep(job, context, (step) => operationOf(job).settle(step));
