import { describe, expect, test } from "vitest";
import type { Pod, PodMetrics, ReplicaSet, Workload } from "../../clients/kubernetes/objects.js";
import { partOf } from "./followed-part.js";
import { ownedBy, type WorkloadState } from "./workload.js";

const template = { spec: { containers: [{ name: "app", image: "app:v1" }] } };
const limited = [
  { name: "app", image: "app:v1", resources: { limits: { cpu: "500m", memory: "64Mi" } } },
  { name: "side", image: "side:v1", resources: { limits: { memory: "32Mi" } } },
];
const owner = (kind: string, uid: string) => [{ kind, name: uid, uid, controller: true }];
const pod = (name: string, status: Pod["status"], of = "now"): Pod => ({
  metadata: { name, uid: name, ownerReferences: owner("ReplicaSet", of) },
  spec: { containers: limited },
  ...(status === undefined ? {} : { status }),
});
const waiting = (reason: string): NonNullable<Pod["status"]> => ({
  phase: "Pending",
  containerStatuses: [
    {
      ...{ name: "app", ready: false, restartCount: 3, image: "", imageID: "" },
      state: { waiting: { reason } },
    },
  ],
});
const ready: Pod["status"] = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };

function deployment(
  pods: readonly Pod[],
  more: Partial<Workload["status"]> = {},
  paused = false,
): WorkloadState {
  const workload: Workload = {
    metadata: { name: "api", uid: "api", generation: 1 },
    spec: { replicas: 1, paused, selector: {}, template },
    status: { observedGeneration: 1, replicas: pods.length, ...more },
  };
  const revision = (uid: string, of: typeof template): ReplicaSet => ({
    metadata: { name: uid, uid, ownerReferences: owner("Deployment", "api") },
    spec: { template: of },
  });
  const before = { spec: { containers: [{ name: "app", image: "app:v0" }] } };
  return ownedBy("Deployment", workload, [revision("now", template), revision("before", before)], pods);
}

describe("a workload as it is followed", () => {
  test.each<[string, WorkloadState | undefined, string, string]>([
    ["not there", undefined, "stuck", "it is not there"],
    [
      "ready",
      deployment([pod("a", ready)], { updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 }),
      "done",
      "1 of 1 pods ready",
    ],
    ["on its way", deployment([pod("a", waiting("ContainerCreating"))]), "going", "0 of 1 pods ready"],
    [
      "paused half-way",
      deployment([pod("a", ready, "before")], {}, true),
      "stuck",
      "0 of 1 pods ready, 1 old ones left, paused",
    ],
    [
      "an image that is not there",
      deployment([pod("a", waiting("ErrImageNeverPull"))]),
      "stuck",
      "a: app: ErrImageNeverPull",
    ],
    [
      "given up by the cluster",
      deployment([], {
        conditions: [
          { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" },
        ],
      }),
      "stuck",
      "0 of 1 pods ready; ProgressDeadlineExceeded: timed out",
    ],
  ])("%s", (_, state, standing, summary) => {
    expect(partOf("Deployment/api", state, [])).toMatchObject({ state: standing, summary });
  });

  test("M26 pods: what keeps them from running, restarts, and what they use against their limits, where all have one", () => {
    const metrics: PodMetrics[] = [
      {
        metadata: { name: "a" },
        containers: [
          { name: "app", usage: { cpu: "12500000n", memory: "20480Ki" } },
          { name: "side", usage: { cpu: "1m", memory: "4Mi" } },
        ],
      },
    ];
    const pods = [
      pod("a", ready),
      pod("b", waiting("CrashLoopBackOff")),
      pod("c", ready, "before"),
      pod("d", undefined),
    ];
    const { units } = partOf("Deployment/api", deployment(pods), metrics);
    expect(units).toEqual([
      {
        ...{ name: "a", phase: "Running", ready: true, wanted: true, restarts: 0 },
        ...{
          cpu: { used: expect.closeTo(0.0135) as number },
          memory: { used: 24 * 2 ** 20, limit: 96 * 2 ** 20 },
        },
      },
      { name: "b", phase: "CrashLoopBackOff", ready: false, wanted: true, restarts: 3 },
      { name: "c", phase: "Running", ready: true, wanted: false, restarts: 0 },
      { name: "d", phase: "Pending", ready: false, wanted: true, restarts: 0 },
    ]);
  });
});
