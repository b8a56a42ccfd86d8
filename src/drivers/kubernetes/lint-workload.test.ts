import { expect, test } from "vitest";
import type { Container, Specified, Workload } from "../../clients/kubernetes/objects.js";
import { blockedDrains, lintWorkload } from "./lint-workload.js";

const probe = { httpGet: { path: "/health", port: 8080 } };
const container: Container = { name: "app", image: "shop/api:v1", readinessProbe: probe };

const workload = (spec: Partial<Workload["spec"]> = {}, containers = [container]): Workload => ({
  metadata: { name: "api", namespace: "shop", uid: "1", resourceVersion: "1" },
  spec: {
    selector: { matchLabels: { app: "api" } },
    template: { metadata: { labels: { app: "api" } }, spec: { containers } },
    ...spec,
  },
});

const options = { reconciler: "refuse", historyLimit: 10 } as const;
const facts = (one: Workload): string[] =>
  lintWorkload("api", { workload: one }, options).map(({ message }) => message);

test.each<[string, Workload, RegExp | undefined]>([
  ["nothing wrong", workload(), undefined],
  ["H12 few old revisions", workload({ revisionHistoryLimit: 2 }), /^keeps 2 old revisions/],
  ["no readiness probe", workload({}, [{ name: "app", image: "a:v1" }]), /has no readiness probe/],
  [
    "`latest`",
    workload({}, [{ ...container, image: "shop/api:latest" }]),
    /image "shop\/api:latest" is whatever is newest/,
  ],
  [
    "no tag, behind a port",
    workload({}, [{ ...container, image: "127.0.0.1:5000/api" }]),
    /whatever is newest/,
  ],
  [
    "a digest beside `latest`",
    workload({}, [{ ...container, image: `api:latest@sha256:${"a".repeat(64)}` }]),
    undefined,
  ],
  ["a paused rollout", workload({ paused: true }), /rollouts are paused/],
  [
    "pods replaced by hand",
    workload({ updateStrategy: { type: "OnDelete" } }),
    /only replaced when somebody deletes/,
  ],
])("%s", (_, one, fact) => {
  expect(facts(one)).toEqual(fact === undefined ? [] : [expect.stringMatching(fact)]);
});

const budget = (allowed: number, app = "api"): Specified => ({
  metadata: { name: "strict", namespace: "shop", uid: "2", resourceVersion: "1" },
  spec: { selector: { matchLabels: { app } }, minAvailable: 2 },
  status: { disruptionsAllowed: allowed, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 },
});

test.each<[string, Specified, number]>([
  ["lets no pod go", budget(0), 1],
  ["lets one go", budget(1), 0],
  ["is about other pods", budget(0, "web"), 0],
])("a disruption budget that %s", (_, one, told) => {
  expect(blockedDrains("api", { workload: workload() }, one)).toHaveLength(told);
});
