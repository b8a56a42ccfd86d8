import * as z from "zod";
import { getJson, shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import type { HttpApi } from "../../clients/http-api/options.js";
import type { DriverContext } from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import type { Labels } from "./options.js";

const alerts = z.array(z.object({ labels: z.record(z.string(), z.string()) }));
const status = z.object({ uptime: z.string(), cluster: z.object({ status: z.string() }) });

/** As Alertmanager's filters are written. */
export const matchers = (labels: Labels): string[] =>
  Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);

export interface Asked {
  readonly match: Labels;
  readonly watchdog?: string | undefined;
  readonly settle: number;
}

async function read<T>(
  api: HttpApi,
  path: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  schema: z.ZodType<T>,
  context: DriverContext,
): Promise<T> {
  const { json } = await getJson(api, path, parameters, context);
  const server = shownServer(api.url);
  if (json === undefined) {
    const fact = `${server} has more than 1 MiB of such alerts`;
    throw unmeasured(context, fact, "count fewer of them: more labels in `match`", "CONFLICT");
  }
  const found = schema.safeParse(json satisfies Json);
  if (found.success) return found.data;
  throw unmeasured(
    context,
    `${server} answered ${path} with JSON that is not Alertmanager's`,
    "is it an Alertmanager?",
  );
}

/** How many alerts with these labels are active: neither silenced nor inhibited, the watchdog left out. */
export async function askAlerts(api: HttpApi, asked: Asked, context: DriverContext): Promise<number> {
  const { match, watchdog, settle } = asked;
  const active = (labels: Labels) =>
    read(
      api,
      "/api/v2/alerts",
      { active: "true", silenced: "false", inhibited: "false", filter: matchers(labels) },
      alerts,
      context,
    );
  const [state, found, alive] = await Promise.all([
    read(api, "/api/v2/status", {}, status, context),
    active(match),
    watchdog === undefined ? undefined : active({ alertname: watchdog }),
  ]);
  const server = shownServer(api.url);
  const age = context.clock.now() - Date.parse(state.uptime);
  if (!(age >= settle)) {
    const fact = `${server} was started ${Math.round(age / 1_000)} s ago, and may not know of all alerts yet`;
    throw unmeasured(context, fact, "`settle` says how long that takes", "CONFLICT");
  }
  if (alive?.length === 0) {
    const fact = `${server} does not have the alert "${watchdog}", which always fires`;
    throw unmeasured(context, fact, "does Prometheus still reach it?", "CONFLICT");
  }
  return found.filter(({ labels }) => watchdog === undefined || labels["alertname"] !== watchdog).length;
}
