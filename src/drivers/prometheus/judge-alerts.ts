import * as z from "zod";
import type { Check } from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import type { Labels } from "./check-options.js";
import { haveLabels, shownLabels, someOf } from "./judge-targets.js";

const labels = z.record(z.string(), z.string()).default({});
const rule = z.object({
  name: z.string(),
  labels,
  health: z.string(),
  lastError: z.string().default(""),
  alerts: z.array(z.object({ labels, state: z.string() })).default([]),
});
const answer = z.object({ groups: z.array(z.object({ rules: z.array(rule) })) });

/** A label that the rule does not set, or sets by a template, may still come with the series. */
const couldHave = (set: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([name, value]) => {
    const own = set[name];
    return own === undefined || own === value || own.includes("{{");
  });

/** None is firing. Without a rule that could fire, or with one that could not be evaluated, nothing is known. */
export function judgeAlerts(data: Json, wanted: Labels): Check {
  const shown = shownLabels(wanted);
  const name = `alerts ${shown || "(all)"}`;
  const expected = "none firing";
  const read = answer.safeParse(data);
  if (!read.success) return { name, result: "error", expected, message: "not an answer of Prometheus" };
  const rules = read.data.groups.flatMap((group) => group.rules);
  const firing = rules
    .flatMap(({ name: alert, alerts }) => alerts.map((one) => ({ ...one, alert })))
    .filter((one) => one.state === "firing" && haveLabels({ alertname: one.alert, ...one.labels }, wanted));
  if (firing.length > 0) {
    const message = someOf(firing.map((one) => `${one.alert} {${shownLabels(one.labels)}}`));
    return { name, result: "failed", expected, actual: `${firing.length} firing`, message };
  }
  const possible = rules.filter((one) => couldHave({ alertname: one.name, ...one.labels }, wanted));
  if (possible.length === 0) {
    const message = `no alerting rule ${shown === "" ? "is loaded" : `could have ${shown}`}: nothing could have fired`;
    return { name, result: "error", expected, message };
  }
  const broken = possible.filter(({ health }) => health !== "ok");
  if (broken.length > 0) {
    const message = someOf(
      broken.map(({ name: alert, lastError }) => `${alert}: ${lastError || "not evaluated yet"}`),
    );
    return { name, result: "error", expected, message };
  }
  return { name, result: "passed", expected, actual: `0 of ${possible.length} rules firing` };
}
