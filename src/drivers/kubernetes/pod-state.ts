import type { ContainerStatus, Pod } from "../../clients/kubernetes/objects.js";

export const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** Why a pod does not run: it will not get better by itself, unless what it waits for appears. */
export const stuckReasons = [
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
] as const;

/** `api-5d9c-x2: app: CrashLoopBackOff (exit 1)`, for each container that waits for one of the reasons. */
export function waitingFor(pod: Pod, reasons: readonly string[]): string[] {
  return statusesOf(pod).flatMap(({ name, state, lastState }) => {
    const reason = state?.waiting?.reason;
    if (reason === undefined || !reasons.includes(reason)) return [];
    const exit = lastState?.terminated?.exitCode;
    const message = exit === undefined ? state?.waiting?.message : `its program ended with ${exit}`;
    return [
      `${pod.metadata.name}: ${name}: ${reason}${message === undefined ? "" : ` (${message.slice(0, 200)})`}`,
    ];
  });
}

/** The digest out of an image id: `docker-pullable://app@sha256:…`, `docker://sha256:…`. Undefined until it runs. */
const digestIn = (imageId: string): string | undefined => /sha256:[0-9a-f]{64}/.exec(imageId)?.[0];

/** Container → digest, as it really runs. */
export const digestsOf = (pod: Pod): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    (pod.status?.containerStatuses ?? []).map(({ name, imageID }) => [name, digestIn(imageID)]),
  );
