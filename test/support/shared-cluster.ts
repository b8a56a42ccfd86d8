import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type KubernetesCluster, kubernetesCluster } from "./kubernetes-cluster.js";

declare module "vitest" {
  interface ProvidedContext {
    /** A socket that answers with the cluster of this run of the tests, which is started for the first who asks. */
    readonly sharedCluster: string;
  }
}

/** Around all files of a run, in the process that outlives them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "backout-shared-cluster-"));
  const path = join(folder, "socket");
  let starting: Promise<KubernetesCluster> | undefined;
  const server = createServer((_, response) => {
    starting ??= kubernetesCluster();
    starting.then(
      ({ folder, kubeconfig, server, tokens, subjects }) =>
        response.end(JSON.stringify({ folder, kubeconfig, server, tokens, subjects })),
      (error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      },
    );
  });
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", clean);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  // Whoever has no test that asks is not held up by it.
  server.unref();
  project.provide("sharedCluster", path);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await (await starting?.catch(() => undefined))?.stop();
    clean();
    process.off("exit", clean);
  };
}
