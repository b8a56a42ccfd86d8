import { afterAll, beforeAll } from "vitest";
import { givenCluster } from "./given-cluster.js";
import { type KubernetesCluster, kubernetesCluster } from "./kubernetes-cluster.js";
import type { TestCluster } from "./test-cluster.js";

/** The cluster of $KUBECONFIG where that is set, else one that is built and started. */
const testCluster = (): Promise<TestCluster> =>
  (process.env["KUBECONFIG"] ?? "") === "" ? kubernetesCluster() : givenCluster();

/** One cluster for all tests of a file, from before the first until after the last of them. */
export const suiteCluster = (): (() => TestCluster) => between(testCluster);

/** The same, built and started whatever $KUBECONFIG says: for what takes control over the node or its control plane. */
export const controlledCluster = (): (() => KubernetesCluster) => between(kubernetesCluster);

function between<Cluster extends TestCluster>(start: () => Promise<Cluster>): () => Cluster {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await start();
  }, 1_500_000);
  afterAll(() => cluster?.stop());
  return () => {
    if (cluster === undefined) throw new Error("the cluster did not come up");
    return cluster;
  };
}
