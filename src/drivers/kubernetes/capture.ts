import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { ArtifactReader } from "../../core/ports.js";
import { referencesOf } from "./references.js";
import { rolloutOf } from "./rollout.js";
import { digestsIn, keyOf, readSnapshot, type Snapshot } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import {
  currentReplicaSet,
  desiredReplicas,
  digestsOf,
  isReady,
  podsOf,
  readWorkload,
  revisionAnnotation,
  type WorkloadState,
} from "./workload.js";

const objectsFile = "objects.json";
const secretsFile = "secrets.json";

export type Data = {
  readonly cluster: string;
  readonly namespace: string;
  /** Tells a Deployment from a later one of the same name, and with it one cluster from another. */
  readonly uid: string;
  /** For people, and for looking it up in the cluster's own history; never gone back to by it. */
  readonly revision: string;
  readonly template: string;
  readonly replicas: number;
  /** Container → digest as it ran in every ready pod. */
  readonly images: Readonly<Record<string, string>>;
  /** `Kind/name` → digest of what is brought back. */
  readonly digests: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
};

export function imagesOf(state: WorkloadState): Record<string, string> {
  const ready = podsOf(state, currentReplicaSet(state)).filter(isReady);
  const all = ready.flatMap((pod) => Object.entries(digestsOf(pod)));
  return Object.fromEntries(all.flatMap(([name, digest]) => (digest === undefined ? [] : [[name, digest]])));
}

export const identityOf = (digests: Readonly<Record<string, string>>): string => contentDigest(digests);

/** What is there while it is good: a rollout that is on its way is no state to come back to. */
export const capture = (options: TargetOptions, context: CaptureContext): Promise<Captured<Data>> =>
  withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const state = await readWorkload(read, options.deployment);
    const { deployment } = state;
    const { metadata, spec } = deployment;
    const subject = `${api.namespace}/${options.deployment}`;
    const rollout = rolloutOf(state);
    if (rollout.state !== "done") {
      throw new BackoutError(
        "REFUSED",
        `${subject}: is no state to come back to: ${rollout.state === "going" ? "its rollout is on its way, " : ""}${rollout.summary}`,
        {
          effect: "none",
          hint: `\`kubectl -n ${api.namespace} rollout status deployment/${options.deployment}\``,
        },
      );
    }
    const snapshot = await readSnapshot(read, deployment, options);
    const { secrets } = referencesOf(spec.template);
    await keep(snapshot, context);
    const digests = digestsIn(snapshot);
    const images = imagesOf(state);
    const revision = metadata.annotations?.[revisionAnnotation] ?? "";
    return {
      identity: identityOf(digests),
      summary: summaryOf(state, revision),
      data: {
        ...{
          cluster: api.server,
          namespace: api.namespace,
          uid: metadata.uid ?? "",
          revision,
          images,
          digests,
          secrets,
        },
        template: digests[keyOf("Deployment", metadata.name)] ?? "",
        replicas: desiredReplicas(deployment),
      },
    };
  });

export function summaryOf({ deployment }: WorkloadState, revision: string): string {
  const images = deployment.spec.template.spec.containers.map(({ image }) => image).join(", ");
  return `${images}, revision ${revision || "none"}, ${desiredReplicas(deployment)} replicas`;
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

/** A checkpoint of another cluster, or of a Deployment that was deleted since, is not this one's. */
export function refuseOther(data: Data, subject: string, uid: string | undefined, reader: Reader): void {
  if (uid === data.uid) return;
  throw new BackoutError(
    "REFUSED",
    `${subject}: is not the Deployment that was captured from ${data.cluster}, but another of the same name on ${reader.api.server}`,
    {
      effect: "none",
      hint: "is it the right cluster? A Deployment that was made anew needs a checkpoint of its own",
    },
  );
}
