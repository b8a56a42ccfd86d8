import { shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import { type Check, type DriverContext, defineCheck } from "../../core/driver.js";
import { BackoutError, warning } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import { askApi } from "./ask-api.js";
import { type CheckOptions, checkOptions } from "./check-options.js";
import { judgeAlerts } from "./judge-alerts.js";
import { judgeTargets } from "./judge-targets.js";
import { measure } from "./measure.js";
import { checkQuery } from "./reachable.js";

type Part = readonly [name: string, ask: () => Promise<Check>];

function partsOf(options: CheckOptions, context: DriverContext): Part[] {
  const { targets, alerts, query } = options;
  const api = async (path: string, parameters: Record<string, string>, judge: (data: Json) => Check) => {
    const { data } = await askApi(options, path, parameters, context);
    if (data !== undefined) return judge(data);
    const hint = "ask by a query: min(up), or count(ALERTS{…})";
    throw unmeasured(context, `the answer to ${path} is longer than 1 MiB`, hint);
  };
  const parts: Part[] = [];
  if (targets !== undefined) {
    const judge = (data: Json) => judgeTargets(data, targets);
    parts.push(["targets", () => api("/api/v1/targets", { state: "active" }, judge)]);
  }
  if (alerts !== undefined) {
    parts.push([
      "alerts",
      () => api("/api/v1/rules", { type: "alert" }, (data) => judgeAlerts(data, alerts)),
    ]);
  }
  if (query !== undefined) parts.push([query, () => judgeQuery({ ...options, query }, context)]);
  return parts;
}

async function judgeQuery(
  options: CheckOptions & { readonly query: string },
  context: DriverContext,
): Promise<Check> {
  const { query: name, atLeast, atMost } = options;
  const { value } = await measure(options, context);
  const low = atLeast !== undefined && value < atLeast;
  const high = atMost !== undefined && value > atMost;
  const expected = [
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
  ].join(", ");
  return { name, result: low || high ? "failed" : "passed", expected, actual: String(value) };
}

async function orError([name, ask]: Part, context: DriverContext): Promise<Check> {
  try {
    return await ask();
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    return { name, result: "error", message: error.message };
  }
}

export const check = defineCheck<CheckOptions>({
  id: "prometheus",
  title: "Every scrape target up, no alert firing, a query's value within bounds",
  options: checkOptions,
  check: async (options, context) => {
    if (options.query !== undefined) return checkQuery({ ...options, query: options.query }, context);
    const [first] = await Promise.all(partsOf(options, context).map((part) => orError(part, context)));
    const away = first?.result === "error" && first.expected === undefined;
    return away ? [warning(`${context.name}.url`, first.message ?? "not reachable")] : [];
  },
  run: async (options, context) => {
    const server = shownServer(options.url);
    const checks = await Promise.all(partsOf(options, context).map((part) => orError(part, context)));
    return checks.map((one) => ({ ...one, name: `${server}: ${one.name}` }));
  },
});
