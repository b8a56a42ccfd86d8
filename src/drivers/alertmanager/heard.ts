import * as z from "zod";
import type { Labels } from "./options.js";

const labels = z.record(z.string(), z.string());

/** What Alertmanager's webhook sends, as far as it matters here. */
export const notification = z.object({
  version: z.literal("4", { error: "is not the version 4 of Alertmanager's webhook" }),
  groupKey: z.string(),
  truncatedAlerts: z.number().default(0),
  alerts: z.array(
    z.object({
      status: z.enum(["firing", "resolved"]),
      labels,
      fingerprint: z.string().min(1),
    }),
  ),
});
export type Notification = z.output<typeof notification>;

/** All that is remembered of what was heard. Plain JSON. */
export interface Heard {
  /** Of the last notification, milliseconds since the epoch. */
  readonly at: number;
  /** Since when it has been heard without a break longer than the heartbeat. */
  readonly since: number;
  /** By fingerprint: firing alerts, and when they were last named. */
  readonly alerts: Readonly<Record<string, { readonly labels: Labels; readonly at: number }>>;
  /** By group: how many alerts the last notification left out. */
  readonly leftOut: Readonly<Record<string, number>>;
}

export const heardSchema: z.ZodType<Heard> = z.object({
  at: z.number(),
  since: z.number(),
  alerts: z.record(z.string(), z.object({ labels, at: z.number() })),
  leftOut: z.record(z.string(), z.number()),
});

/** More than any real system has at once: whoever sends more does not mean well. */
const mostAlerts = 10_000;

/** `heartbeat`: an alert that was not told again within two of them is over. */
export function hear(before: Heard | undefined, told: Notification, at: number, heartbeat: number): Heard {
  const since = before === undefined || at - before.at >= heartbeat ? at : before.since;
  const kept = Object.entries(before?.alerts ?? {}).filter(([, alert]) => alert.at > at - 2 * heartbeat);
  const alerts = new Map(kept);
  for (const { fingerprint, status, labels: its } of told.alerts) {
    if (status === "firing") alerts.set(fingerprint, { labels: its, at });
    else alerts.delete(fingerprint);
  }
  const leftOut = new Map(Object.entries(before?.leftOut ?? {}));
  const most = [...alerts].slice(0, mostAlerts);
  const missing = told.truncatedAlerts + alerts.size - most.length;
  if (missing > 0) leftOut.set(told.groupKey, missing);
  else leftOut.delete(told.groupKey);
  return { at, since, alerts: Object.fromEntries(most), leftOut: Object.fromEntries(leftOut) };
}

export const haveLabels = (all: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([name, value]) => all[name] === value);

export type Counted = { readonly count: number } | { readonly fact: string; readonly hint: string };

interface Counting {
  readonly match: Labels;
  readonly watchdog?: string | undefined;
  readonly heartbeat: number;
}

/** How many alerts are firing, or why that is not known. The watchdog only says that it is heard. */
export function countHeard(heard: Heard | undefined, counting: Counting, now: number): Counted {
  const { match, watchdog, heartbeat } = counting;
  const hint =
    "route an alert that always fires to this webhook, its `repeat_interval` shorter than `heartbeat`";
  if (heard === undefined) return { fact: "nothing was heard of Alertmanager yet", hint };
  if (now - heard.at >= heartbeat) {
    return { fact: `nothing was heard of Alertmanager for ${Math.round((now - heard.at) / 1_000)} s`, hint };
  }
  const [missing] = Object.values(heard.leftOut);
  if (missing !== undefined) {
    return { fact: `Alertmanager left out ${missing} alerts`, hint: "remove `max_alerts` from its webhook" };
  }
  const firing = Object.values(heard.alerts).filter(
    ({ at, labels: its }) =>
      at > now - 2 * heartbeat && its["alertname"] !== watchdog && haveLabels(its, match),
  );
  const known = now - heard.since >= heartbeat;
  if (known || firing.length > 0) return { count: firing.length };
  const fact = `it has been heard for ${Math.round((now - heard.since) / 1_000)} s, and may not have told all that fires`;
  return { fact, hint: "after one `heartbeat` it has" };
}
