import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { kubeconfigText } from "./kubernetes-cluster.js";
import type { World } from "./kubernetes-world.js";
import type { TestCluster } from "./test-cluster.js";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export const rule = (
  group: string,
  resources: readonly string[],
  verbs: readonly string[] = ["get", "list", "watch"],
): Rule => ({ apiGroups: [group], resources, verbs });

/** What looking at a Deployment takes, besides what the test is about. */
export const lookingRules: readonly Rule[] = [
  rule("apps", ["deployments", "replicasets"]),
  rule("", ["pods", "services", "endpoints"]),
  rule("autoscaling", ["horizontalpodautoscalers"]),
  rule("policy", ["poddisruptionbudgets"]),
];

/** `reader.json` in the folder: the kubeconfig of a user who may do this in the namespace, and nothing else. */
export async function readerWith(
  cluster: TestCluster,
  world: World,
  folder: string,
  rules: readonly Rule[],
): Promise<string> {
  const apiGroup = "rbac.authorization.k8s.io";
  await world.create("roles", { metadata: { name: "reader" }, rules });
  await world.create("rolebindings", {
    metadata: { name: "reader" },
    roleRef: { apiGroup, kind: "Role", name: "reader" },
    subjects: [cluster.subjects.reader],
  });
  await writeFile(join(folder, "reader.json"), kubeconfigText(cluster.server, cluster.tokens.reader));
  return "reader.json";
}
