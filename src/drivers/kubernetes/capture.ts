import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { ArtifactReader } from "../../core/ports.js";
import { digestsIn, isWorkload, keyOf, type Snapshot } from "./piece.js";
import { type Pin, pinImages } from "./pin-images.js";
import { digestsOf } from "./pod-state.js";
import { referencesOf } from "./references.js";
import { rolloutOf } from "./rollout.js";
import { readerFor } from "./scope.js";
import { type Present, readPresent } from "./snapshot.js";
import { subjectOfTarget, type TargetOptions } from "./target-options.js";
import {
  currentRevision,
  desiredPods,
  isReady,
  podsOf,
  revisionNumber,
  type WorkloadState,
} from "./workload.js";

const objectsFile = "objects.json";
const secretsFile = "secrets.json";

export type CapturedWorkload = {
  /** Tells a workload from a later one of the same name, and with it one cluster from another. */
  readonly uid: string;
  /** For people, and for looking it up in the cluster's own history; never gone back to by it. */
  readonly revision: string;
  readonly pods: number;
  /** Container → digest as it ran in every ready pod. */
  readonly images: Readonly<Record<string, string>>;
};

export type Data = {
  readonly cluster: string;
  readonly namespace: string;
  /** By `Kind/name`. */
  readonly workloads: Readonly<Record<string, CapturedWorkload>>;
  /** `Kind/name` → digest of what is brought back. */
  readonly digests: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  /** What holds the images in their registries. */
  readonly pins?: readonly Pin[];
};

export const keyOfState = ({ kind, workload }: WorkloadState): string =>
  keyOf({ kind, name: workload.metadata.name });

function imagesOf(state: WorkloadState): Record<string, string> {
  const ready = podsOf(state, currentRevision(state)).filter(isReady);
  const all = ready.flatMap((pod) => Object.entries(digestsOf(pod)));
  return Object.fromEntries(all.flatMap(([name, digest]) => (digest === undefined ? [] : [[name, digest]])));
}

export const identityOf = (digests: Readonly<Record<string, string>>): string => contentDigest(digests);

const capturedWorkload = (state: WorkloadState): CapturedWorkload => ({
  uid: state.workload.metadata.uid ?? "",
  revision: revisionNumber(state),
  pods: desiredPods(state),
  images: imagesOf(state),
});

/** Who reads a switch is the business of throwing it. */
export const capturedOptions = ({ switch: flag, ...options }: TargetOptions): TargetOptions =>
  flag === undefined ? options : { ...options, objects: [`ConfigMap/${flag.configMap}`] };

/** What is there while it is good: a rollout that is on its way is no state to come back to. */
export const capture = (options: TargetOptions, context: CaptureContext): Promise<Captured<Data>> =>
  withKubernetes(options, context, async (api) => {
    const present = await readPresent(readerFor(reader(api), options), capturedOptions(options));
    const { states, snapshot } = present;
    refuseMissing(present, capturedOptions(options), api.namespace);
    for (const state of states) refuseUnready(state, api.namespace);
    await keep(snapshot, context);
    const digests = digestsIn(snapshot);
    const secrets = states.flatMap(({ workload }) => referencesOf(workload.spec.template).secrets);
    const { pins, unpinned } = await pinImages(states, options.pin, context);
    const unheld = unpinned.length === 0 ? "" : `; not held in a registry: ${unpinned.join("; ")}`;
    return {
      identity: identityOf(digests),
      summary: `${summaryOf(present)}${unheld}`,
      data: {
        ...{ cluster: api.server, namespace: api.namespace, digests },
        workloads: Object.fromEntries(states.map((state) => [keyOfState(state), capturedWorkload(state)])),
        secrets: [...new Set(secrets)].sort(),
        ...(pins.length === 0 ? {} : { pins }),
      },
    };
  });

/** What the playbook names has to be there; of a selector or a namespace there has to be something. */
export function refuseMissing({ snapshot }: Present, options: TargetOptions, namespace: string): void {
  const named = [
    ...(options.objects ?? []),
    ...(options.deployment === undefined ? [] : [`Deployment/${options.deployment}`]),
    ...(options.statefulSet === undefined ? [] : [`StatefulSet/${options.statefulSet}`]),
    ...(options.daemonSet === undefined ? [] : [`DaemonSet/${options.daemonSet}`]),
  ];
  const missing = named.filter((key) => !(key in snapshot));
  if (missing.length === 0 && Object.keys(snapshot).length > 0) return;
  const what = missing.length > 0 ? missing.join(", ") : subjectOfTarget(options);
  throw new BackoutError("NOT_FOUND", `${namespace}: there is no ${what}`, {
    effect: "none",
    hint: `\`kubectl -n ${namespace} get all\` shows what there is`,
  });
}

function refuseUnready(state: WorkloadState, namespace: string): void {
  const rollout = rolloutOf(state);
  if (rollout.state === "done") return;
  const place = `${state.kind.toLowerCase()}/${state.workload.metadata.name}`;
  const going = rollout.state === "going" ? "its rollout is on its way, " : "";
  throw new BackoutError(
    "REFUSED",
    `${namespace}/${state.workload.metadata.name}: is no state to come back to: ${going}${rollout.summary}`,
    { effect: "none", hint: `\`kubectl -n ${namespace} rollout status ${place}\`` },
  );
}

export function summaryOf({ states, snapshot }: Present): string {
  const [state] = states;
  if (state !== undefined && states.length === 1) {
    const images = state.workload.spec.template.spec.containers.map(({ image }) => image).join(", ");
    return `${images}, revision ${revisionNumber(state) || "none"}, ${desiredPods(state)} pods`;
  }
  const others = Object.values(snapshot).filter(({ kind }) => !isWorkload(kind)).length;
  return `${states.length} workloads, ${others} other objects`;
}

async function keep(snapshot: Snapshot, { artifacts }: CaptureContext): Promise<void> {
  const part = (secret: boolean) =>
    Object.fromEntries(Object.entries(snapshot).filter(([, { kind }]) => (kind === "Secret") === secret));
  const secrets = part(true);
  if (Object.keys(secrets).length > 0) {
    await artifacts.write(secretsFile, JSON.stringify(secrets), { sensitive: true });
  }
  await artifacts.write(objectsFile, JSON.stringify(part(false)));
}

export async function capturedSnapshot(data: Data, artifacts: ArtifactReader): Promise<Snapshot> {
  const parse = async (name: string) =>
    JSON.parse(Buffer.from(await artifacts.read(name)).toString()) as Snapshot;
  const hasSecrets = Object.keys(data.digests).some((key) => key.startsWith("Secret/"));
  return { ...(await parse(objectsFile)), ...(hasSecrets ? await parse(secretsFile) : {}) };
}
