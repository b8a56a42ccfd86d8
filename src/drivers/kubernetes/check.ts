import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import { type Check, type DriverContext, defineCheck } from "../../core/driver.js";
import { BackoutError, type Problem, warning } from "../../core/errors.js";
import { autoscalers, budgets } from "./check-guards.js";
import { health, probedPaths } from "./check-health.js";
import { logs } from "./check-logs.js";
import { type CheckOptions, checkOptions } from "./check-options.js";
import { endpoints, images, podsFine, workloadReady } from "./check-pods.js";
import { switches } from "./check-switches.js";
import { checkWorkload } from "./check-workload.js";
import type { Looking } from "./looking.js";
import { readWorkload } from "./workload.js";
import { subjectOf, workloadOf } from "./workload-options.js";

type Part = (looking: Looking) => Check[] | Promise<Check[]>;

const parts: Readonly<Record<string, Part>> = {
  ready: workloadReady,
  pods: podsFine,
  images,
  endpoints,
  health,
  logs,
  autoscaler: autoscalers,
  "disruption budget": budgets,
  switches,
};

/** What cannot be measured takes nothing else with it, and is never a pass. */
async function measured(name: string, work: () => Check[] | Promise<Check[]>): Promise<Check[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const hint = error.hint === undefined ? "" : ` (${error.hint})`;
    return [{ name, result: "error", message: `${error.message}${hint}` }];
  }
}

const run = (wanted: CheckOptions, context: DriverContext): Promise<Check[]> =>
  measured(subjectOf(workloadOf(wanted)), () =>
    withKubernetes(wanted, context, async (api) => {
      const looking = await look(reader(api), wanted, context);
      const all = Object.entries(parts).map(([name, part]) =>
        measured(`${looking.subject}: ${name}`, () => part(looking)),
      );
      return (await Promise.all(all)).flat();
    }),
  );

async function look(read: Reader, wanted: CheckOptions, { signal, clock }: DriverContext): Promise<Looking> {
  const name = workloadOf(wanted);
  return {
    read,
    state: await readWorkload(read, name),
    subject: subjectOf(name),
    wanted,
    signal,
    now: clock.now(),
  };
}

/** H44 M24: a probe that asks where nothing is. Only a warning, since a rollout may be about to bring the path. */
async function check(wanted: CheckOptions, context: DriverContext): Promise<Problem[]> {
  const problems = await checkWorkload(wanted, context);
  if (problems.length > 0) return problems;
  try {
    return await withKubernetes(wanted, context, async (api) => {
      const found = await probedPaths(await look(reader(api), wanted, context));
      return found.map(({ fact, hint }) => warning(context.name, fact, hint));
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [warning(context.name, `probes were not tried: ${error.message}`, error.hint)];
  }
}

export const checkDriver = defineCheck<CheckOptions>({
  id: "kubernetes",
  title: "Kubernetes workload: all its pods, images, endpoints, health, logs, autoscaler, disruption budget",
  options: checkOptions,
  check,
  run,
});
