import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, inject } from "vitest";
import { givenCluster } from "./given-cluster.js";
import { callAs, type KubernetesCluster, kubernetesCluster } from "./kubernetes-cluster.js";
import { deleteNamespaces, type TestCluster } from "./test-cluster.js";

/** A cluster in which each file has namespaces of its own: that of $KUBECONFIG where it is set, else one for all files of a run. */
export const suiteCluster = (): (() => TestCluster) =>
  between(() => ((process.env["KUBECONFIG"] ?? "") === "" ? sharedCluster() : givenCluster()));

/** That which is built, whatever $KUBECONFIG says: for what needs this machine beside its node, or to know what it lacks. */
export const builtCluster = (): (() => TestCluster) => between(sharedCluster);

/** One of its own, whatever $KUBECONFIG says: for what takes from the node or its control plane what others need. */
export const controlledCluster = (): (() => KubernetesCluster) => between(kubernetesCluster);

/** From before the first test of a file until after its last. */
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

async function sharedCluster(): Promise<TestCluster> {
  const text = await answerOf(inject("sharedCluster"));
  const shared = JSON.parse(text) as Pick<
    TestCluster,
    "folder" | "kubeconfig" | "server" | "tokens" | "subjects"
  >;
  const mark = `t${randomBytes(4).toString("hex")}`;
  const call = callAs(shared.server);
  return { ...shared, mark, call, stop: async () => void (await deleteNamespaces(call, mark)) };
}

function answerOf(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}
