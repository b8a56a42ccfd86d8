import type { Incident } from "../../core/decision/incident.js";
import { clockText, durationText } from "./format.js";

const age = ({ since }: Incident, now: number): string =>
  durationText(Math.floor(Math.max(0, now - since) / 60_000) * 60_000);

function respondText({ severity, respondBy, since }: Incident, now: number): string {
  if (severity === undefined || respondBy === undefined) return "";
  const wanted = respondBy === since ? "respond at once" : `respond by ${clockText(respondBy)}`;
  const late = now - respondBy;
  return `, ${severity}: ${wanted}${late >= 60_000 ? ` (${durationText(Math.floor(late / 60_000) * 60_000)} ago)` : ""}`;
}

/** For the live screen: `open since 05:46:44, SEV-2: respond by 05:51:44; see what it is; next, at 06:01:44: tell the lead`. */
export function incidentText(incident: Incident, now: number): string {
  const { since, action, next } = incident;
  const told = next === undefined ? "" : `; next, at ${clockText(next.at)}: ${saidText(next)}`;
  return `open since ${clockText(since)}${respondText(incident, now)}; ${action}${told}`;
}

const saidText = ({ say, to }: { readonly say: string; readonly to?: string | undefined }): string =>
  to === undefined ? say : `${say} (${to})`;

/** What is other than it was a moment ago: what is to be done, and each escalation, once. */
export function incidentChanges(
  before: Incident | undefined,
  after: Incident | undefined,
  now: number,
): string[] {
  if (after === undefined)
    return before === undefined ? [] : [`over after ${durationText(now - before.since)}`];
  const same = before?.since === after.since ? before : undefined;
  const asked = after.severity === undefined ? "" : `; ${after.action}`;
  const opened =
    same === undefined ? [`open since ${clockText(after.since)}${respondText(after, now)}${asked}`] : [];
  const moved = same !== undefined && same.action !== after.action;
  const phase = moved ? [`open for ${age(after, now)}: ${after.action}`] : [];
  const known = same?.escalated.length ?? 0;
  return [...opened, ...phase, ...after.escalated.slice(known).map(saidText)];
}
