import type { Container, Pod } from "../../clients/kubernetes/objects.js";
import type { Check } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Looking } from "./looking.js";
import { isReady } from "./workload.js";

type Answer = { readonly status: number } | { readonly unmeasured: string };

/** Asks a pod through the API server, so that nothing has to be reachable from here but that. */
async function ask({ read }: Looking, pod: Pod, port: number, path: string): Promise<Answer> {
  const pods = (await read.needed("Pod")).path(`${pod.metadata.name}:${port}`).replace("%3A", ":");
  try {
    await read.api.text({ path: `${pods}/proxy${path}`, idleMs: 10_000 });
    return { status: 200 };
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const { status, reason } = (error.details ?? {}) as { status?: number; reason?: string };
    // The API server's own refusals have a reason; what the pod answers is passed on as it is.
    if (status === undefined || (reason ?? "") !== "") return { unmeasured: error.message };
    return { status };
  }
}

export async function health(looking: Looking): Promise<Check[]> {
  const { state, wanted, subject } = looking;
  const asked = wanted.health;
  if (asked === undefined) return [];
  const name = `${subject}: health at ${asked.path}`;
  const expected = `${asked.status} from every pod`;
  if (state.pods.length === 0) return [{ name, result: "failed", expected, actual: "there are no pods" }];
  const answers = await Promise.all(
    state.pods.map(async (pod) => ({ pod, answer: await ask(looking, pod, asked.port, asked.path) })),
  );
  const unmeasured = answers.flatMap(({ pod, answer }) =>
    "unmeasured" in answer ? [`${pod.metadata.name}: ${answer.unmeasured}`] : [],
  );
  const wrong = answers.flatMap(({ pod, answer }) => {
    if ("unmeasured" in answer || answer.status === asked.status) return [];
    const prefix = answer.status === 404 ? ": it answers, but has nothing there: is the prefix right?" : "";
    return [`${pod.metadata.name}: ${answer.status}${prefix}`];
  });
  if (wrong.length > 0) return [{ name, result: "failed", expected, actual: wrong.join("; ") }];
  if (unmeasured.length > 0) return [{ name, result: "error", expected, message: unmeasured.join("; ") }];
  return [{ name, result: "passed", expected, actual: `${asked.status} from ${answers.length} pods` }];
}

const probesOf = (container: Container) =>
  (["readinessProbe", "livenessProbe", "startupProbe"] as const).flatMap((kind) => {
    const get = container[kind]?.httpGet;
    return get === undefined ? [] : [{ container, kind, path: get.path, port: get.port }];
  });

/** Probes of the present template that a running, ready pod answers with "not found". */
export async function probedPaths(looking: Looking): Promise<{ fact: string; hint: string }[]> {
  const { workload, pods } = looking.state;
  const pod = pods.find(isReady);
  if (pod === undefined) return [];
  const found = workload.spec.template.spec.containers.flatMap(probesOf).map(async (probe) => {
    const port = portOf(probe.container, probe.port);
    if (port === undefined) return [];
    const answer = await ask(looking, pod, port, probe.path);
    if ("unmeasured" in answer || answer.status !== 404) return [];
    return [
      {
        fact: `container "${probe.container.name}": its ${probe.kind} asks for "${probe.path}", where ${pod.metadata.name} has nothing (404)`,
        hint: "a rollout would wait for it until its deadline; is the path's prefix right?",
      },
    ];
  });
  return (await Promise.all(found)).flat();
}

function portOf(container: Container, port: number | string): number | undefined {
  if (typeof port === "number") return port;
  return container.ports?.find((one) => one.name === port)?.containerPort;
}
