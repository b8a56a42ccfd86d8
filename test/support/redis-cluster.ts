import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type RedisServer, redisServer } from "./redis-server.js";

const run = promisify(execFile);

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Three masters with all slots. */
export async function redisCluster(): Promise<RedisCluster> {
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
  const nodes = await Promise.all([1, 2, 3].map(() => redisServer({ args })));
  const stop = async (): Promise<void> => {
    for (const node of nodes) await node.stop();
  };
  try {
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
    for (let tries = 0; tries < 600; tries++) {
      const infos = await Promise.all(nodes.map(({ client }) => client.call("CLUSTER", "INFO")));
      if (infos.every((info) => String(info).includes("cluster_state:ok"))) return { nodes, stop };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the cluster did not come up within 60 s");
  } catch (error) {
    await stop();
    throw error;
  }
}
