import { unmeasured } from "../../clients/http-api/get-json.js";
import type { HttpApi } from "../../clients/http-api/options.js";
import { type DriverContext, defineSignal, type SignalContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { askAlerts, matchers } from "./ask-alerts.js";
import { countHeard } from "./heard.js";
import { type Listening, type SignalOptions, signalOptions } from "./options.js";
import { listenForAlerts, remembered } from "./webhook.js";

const apiOf = (options: SignalOptions): HttpApi | undefined =>
  options.url === undefined ? undefined : { ...options, url: options.url };

async function heardCount(
  options: SignalOptions & { readonly listen: Listening },
  context: SignalContext,
): Promise<number> {
  const { match, watchdog, listen } = options;
  const { heartbeat } = listen;
  const counted = countHeard(await remembered(context), { match, watchdog, heartbeat }, context.clock.now());
  if ("count" in counted) return counted.count;
  throw unmeasured(context, counted.fact, counted.hint, "NOT_FOUND");
}

async function count(options: SignalOptions, context: SignalContext): Promise<number> {
  const { listen } = options;
  if (listen !== undefined) return heardCount({ ...options, listen }, context);
  const api = apiOf(options);
  if (api === undefined) throw unmeasured(context, "neither `url` nor `listen` is set");
  return askAlerts(api, options, context);
}

/** Monitoring that is down keeps nobody from rolling back. */
async function check(options: SignalOptions, context: DriverContext): Promise<Problem[]> {
  const api = apiOf(options);
  if (api === undefined) return [];
  if (!URL.canParse(api.url))
    return [problem(`${context.name}.url`, `"${api.url}" is not a URL`, "http://host:port")];
  try {
    await askAlerts(api, options, context);
    return [];
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    return [warning(`${context.name}.url`, error.message, error.hint)];
  }
}

export const signal = defineSignal<SignalOptions>({
  id: "alertmanager",
  title: "How many alerts are firing: asked, or told by Alertmanager's webhook",
  options: signalOptions,
  check,
  listen: async ({ listen }, context) => {
    if (listen !== undefined) await listenForAlerts(listen, context);
  },
  read: async (options, context) => ({
    value: await count(options, context),
    unit: "alerts",
    asked: `active alerts {${matchers(options.match).join(", ")}}`,
  }),
});
