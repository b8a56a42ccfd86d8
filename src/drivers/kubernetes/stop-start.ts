import type { Workload } from "../../clients/kubernetes/objects.js";
import type { Json, JsonObject } from "../../core/json.js";
import { awaitGone, awaitNoPods, awaitWorkloads, inParallel } from "./apply-workloads.js";
import { markOf } from "./kept.js";
import { nameOf, restartMark } from "./piece.js";
import { rolloutOf } from "./rollout.js";
import type { Operation, Step } from "./step.js";
import { readWorkload, type WorkloadName } from "./workload.js";

/** On a workload that is scaled to nothing: how many there were. */
const countMark = "backout.dev/replicas";

const countIn = ({ metadata }: Workload): string | undefined => metadata.annotations?.[countMark];

const workloadsOf = ({ atOnce, input }: Step): Promise<{ name: WorkloadName; workload: Workload }[]> =>
  inParallel(input.objects, async (key) => {
    const name = nameOf(key) as WorkloadName;
    return { name, workload: await atOnce.get<Workload>(name.kind, name.name) };
  });

/** RFC 7396; of the very object that was looked at. */
const merge = async (
  { read }: Step,
  { kind, name }: WorkloadName,
  uid: string,
  change: JsonObject,
): Promise<Workload> => {
  const { metadata, ...rest } = change;
  const body: Json = { ...rest, metadata: { ...(metadata as JsonObject | undefined), uid } };
  return read.api.json<Workload>({
    ...{ method: "PATCH", path: (await read.needed(kind)).path(name) },
    ...{ contentType: "application/merge-patch+json", body },
  });
};

type Found = Awaited<ReturnType<typeof workloadsOf>>[number];

/** Changes those that need it, and hands all of them on as they are then. */
async function changeEach(step: Step, change: (found: Found) => JsonObject | undefined) {
  let changed = 0;
  const followed = await inParallel(await workloadsOf(step), async (found) => {
    const { name, workload } = found;
    const wanted = change(found);
    if (wanted === undefined) return { kind: name.kind, workload };
    changed++;
    return { kind: name.kind, workload: await merge(step, name, workload.metadata.uid ?? "", wanted) };
  });
  return { followed, changed: changed > 0 };
}

const listed = ({ input }: Step): string => input.objects.join(", ");

async function settled(
  step: Step,
  has: (workload: Workload) => boolean,
  ends: (pods: number, rolled: boolean) => boolean,
) {
  const states = await inParallel(step.input.objects, (key) =>
    readWorkload(step.read, nameOf(key) as WorkloadName),
  );
  const done = states.filter(({ workload }) => has(workload)).length;
  const ended = states.every((state) => ends(state.pods.length, rolloutOf(state).state === "done"));
  const summary = `${done} of ${states.length} set${ended ? "" : ", not all ended"}`;
  if (done === 0) return { state: "not-applied", summary } as const;
  return { state: done === states.length && ended ? "applied" : "partial", summary } as const;
}

export const stop: Operation = {
  async apply(step) {
    const { followed, changed } = await changeEach(step, ({ workload }) =>
      countIn(workload) === undefined
        ? {
            metadata: { annotations: { [countMark]: String(workload.spec.replicas ?? 1) } },
            spec: { replicas: 0 },
          }
        : undefined,
    );
    await awaitNoPods(step.read, followed, step.context);
    return { summary: `${listed(step)}: no pod left`, changed };
  },
  settle: (step) =>
    settled(
      step,
      (workload) => countIn(workload) !== undefined,
      (pods) => pods === 0,
    ),
};

/** Foreground: gone when everything that it owns is. */
export const remove: Operation = {
  async apply(step) {
    const { read, input, context } = step;
    const there = await present(step);
    await inParallel(there, async ({ name, workload }) => {
      const uid = workload.metadata.uid ?? "";
      const body = {
        kind: "DeleteOptions",
        apiVersion: "v1",
        propagationPolicy: "Foreground",
        preconditions: { uid },
      };
      await read.api.json({ method: "DELETE", path: (await read.needed(name.kind)).path(name.name), body });
    });
    await awaitGone(
      read,
      there.map(({ name, workload }) => ({ kind: name.kind, workload })),
      context,
    );
    return { summary: `${input.objects.join(", ")}: gone`, changed: there.length > 0 };
  },
  async settle(step) {
    const there = await present(step);
    const going = there.filter(({ workload }) => workload.metadata.deletionTimestamp !== undefined);
    const summary = `${there.length} of ${step.input.objects.length} are there`;
    if (there.length === 0) return { state: "applied", summary };
    const untouched = going.length === 0 && there.length === step.input.objects.length;
    return { state: untouched ? "not-applied" : "partial", summary };
  },
};

async function present({ read, input }: Step): Promise<Found[]> {
  const found = await inParallel(input.objects, async (key) => {
    const name = nameOf(key) as WorkloadName;
    const workload = await read.find<Workload>(name.kind, name.name);
    return workload === undefined ? [] : [{ name, workload }];
  });
  return found.flat();
}

/** To the captured count where that was brought back, else to the one before. */
function countFor({ wanted, input }: Step, { name, workload }: Found): number {
  const key = `${name.kind}/${name.name}`;
  const spec = wanted[key]?.content["spec"] as JsonObject | undefined;
  const captured = input.restores ? spec?.["replicas"] : undefined;
  return typeof captured === "number" ? captured : Number(countIn(workload));
}

export const start: Operation = {
  async apply(step) {
    const { followed, changed } = await changeEach(step, (found) =>
      countIn(found.workload) === undefined
        ? undefined
        : { metadata: { annotations: { [countMark]: null } }, spec: { replicas: countFor(step, found) } },
    );
    return { summary: await awaitWorkloads(step.read, followed, [], step.context), changed };
  },
  settle: (step) =>
    settled(
      step,
      (workload) => countIn(workload) === undefined,
      (_pods, rolled) => rolled,
    ),
};

const marked = (workload: Workload, mark: string): boolean =>
  workload.spec.template.metadata?.annotations?.[restartMark] === mark;

export const restart: Operation = {
  async apply(step) {
    const mark = markOf(step.context.key);
    const { followed, changed } = await changeEach(step, ({ workload }) =>
      marked(workload, mark)
        ? undefined
        : { spec: { template: { metadata: { annotations: { [restartMark]: mark } } } } },
    );
    return { summary: await awaitWorkloads(step.read, followed, [], step.context), changed };
  },
  settle: (step) =>
    settled(
      step,
      (workload) => marked(workload, markOf(step.context.key)),
      (_pods, rolled) => rolled,
    ),
};
