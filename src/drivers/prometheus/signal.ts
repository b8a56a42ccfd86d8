import { defineSignal } from "../../core/driver.js";
import { readHistory } from "./history.js";
import { measure } from "./measure.js";
import { type SignalOptions, signalOptions } from "./options.js";
import { checkQuery } from "./reachable.js";

export const signal = defineSignal<SignalOptions>({
  id: "prometheus",
  title: "The number that a Prometheus query gives",
  options: signalOptions,
  check: checkQuery,
  history: readHistory,
  read: async (options, context) => {
    const reading = await measure(options, context);
    return options.unit === undefined ? reading : { ...reading, unit: options.unit };
  },
});
