import { afterAll, beforeAll } from "vitest";
import { type KubernetesCluster, kubernetesCluster } from "./kubernetes-cluster.js";

/** One cluster for all tests of a file, from before the first until after the last of them. */
export function suiteCluster(): () => KubernetesCluster {
  let cluster: KubernetesCluster | undefined;
  beforeAll(async () => {
    cluster = await kubernetesCluster();
  }, 1_500_000);
  afterAll(() => cluster?.stop());
  return () => {
    if (cluster === undefined) throw new Error("the cluster did not come up");
    return cluster;
  };
}
