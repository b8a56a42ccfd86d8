import { setTimeout as sleep } from "node:timers/promises";
import type { CapturedPart, DriverContext, StepContext, StepSpec } from "../../src/core/driver.js";
import type { ArtifactReader } from "../../src/core/ports.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { httpClient } from "../../src/platform/http-client.js";
import { localHost } from "../../src/platform/local-host.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import type { KubernetesCluster } from "../../test/support/kubernetes-cluster.js";
import type { World } from "../../test/support/kubernetes-world.js";

type Work = (patched: () => Promise<boolean>) => Promise<number>;

const contextIn = (folder: string): DriverContext => ({
  ...{
    name: "bench",
    host: localHost({ baseDir: folder, redact: (text) => text }),
    http: httpClient(),
    clock,
  },
  ...{ signal: AbortSignal.timeout(3_600_000), progress: () => {}, log: () => {} },
});

/** In this process, as a watch or a resumed run has it: looked at, planned, kept and patched, each target by itself. */
export async function alreadyRunning(
  cluster: KubernetesCluster,
  { namespace }: World,
  folder: string,
  names: readonly string[],
): Promise<Work> {
  const context = contextIn(folder);
  const { kubeconfig } = cluster;
  const targets = await Promise.all(
    names.map(async (deployment) => {
      const options = target.options.parse({ kubeconfig, namespace, deployment });
      const files = new Map<string, Buffer>();
      const unused = async (): Promise<never> => {
        throw new Error("not needed here");
      };
      const captured = await target.capture?.(options, {
        ...context,
        artifacts: {
          ...{ scratch: () => folder, add: unused },
          write: async (name, data) => {
            files.set(name, Buffer.from(data));
            return { name, path: name, digest: "", bytes: data.length, encrypted: false };
          },
        },
      });
      const artifacts: ArtifactReader = {
        file: unused,
        read: async (name) => files.get(name) ?? Buffer.from(""),
      };
      return { options, artifacts, part: { ...captured, artifacts: [], at: 0 } as unknown as CapturedPart };
    }),
  );
  let round = 0;
  return async (patched) => {
    round++;
    const begun = performance.now();
    const going = targets.map(async ({ options, artifacts, part }, index) => {
      const observed = await target.observe(options, { ...context, artifacts }, part);
      const intent = { restore: true, quiesce: false, restart: false, keep: [] };
      const input = { captured: part, restoreMs: undefined, observed, options, intent };
      for (const step of target.plan(input))
        await apply(step, `run-${round}-${index}`, { options, artifacts, part });
    });
    const all = Promise.all(going);
    let ms: number | undefined;
    for (let tries = 0; tries < 60_000 && ms === undefined; tries++) {
      if (await patched()) ms = performance.now() - begun;
      else await sleep(1);
    }
    await all;
    return ms ?? performance.now() - begun;
  };

  async function apply(
    { operation, input }: StepSpec,
    run: string,
    { options, artifacts, part }: { options: unknown; artifacts: ArtifactReader; part: CapturedPart },
  ): Promise<void> {
    const step: StepContext = {
      ...context,
      artifacts,
      scratch: folder,
      key: `${run}/${operation}`,
      attempt: 1,
    };
    await target.apply({ operation, input, options, captured: part }, step);
  }
}
