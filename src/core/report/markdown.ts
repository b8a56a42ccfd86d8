import type { Json, JsonObject } from "../json.js";
import { lossText } from "./data-lost.js";
import { escapeMarkdown, markdownFence, markdownTable } from "./markdown-text.js";
import { countText, durationText, utcText } from "./measures.js";
import type { Report, ReportRpo, ReportRto, ReportStep } from "./report-types.js";

/** The report as a document for people. Every value in it is shown literally, wherever it came from. */
export function reportMarkdown(report: Report): string {
  const what = report.undoes === undefined ? "rollback" : "undo of the rollback";
  const title = `# ${escapeMarkdown(`${report.system}/${report.environment}`)}: ${what} by ${escapeMarkdown(report.scenario)}`;
  const sections: [string, string | undefined][] = [
    ["", summary(report)],
    ["First failure", failure(report)],
    ["What triggered it", report.trigger === undefined ? undefined : trigger(report.trigger)],
    ["Data lost", dataLost(report)],
    ["Steps", steps(report)],
    ["Checks", checks(report)],
    ["What changed", changes(report)],
    ["What cannot be taken back", irreversible(report)],
    ["Warnings of the plan", list(report.plan.warnings)],
    ["Timeline", timeline(report)],
    ["Output of the steps", logs(report)],
  ];
  const body = sections.flatMap(([heading, text]) =>
    text === undefined ? [] : heading === "" ? [text] : [`## ${heading}\n\n${text}`],
  );
  return `${[title, ...body].join("\n\n")}\n`;
}

export const outcomeText = (report: Report): string => {
  if (report.status === "stopped") return "stopped half-way; it can be resumed";
  if (report.status !== "finished" || report.outcome === undefined) return "not finished";
  const done = report.undoes === undefined ? "rolled back" : `run ${report.undoes} taken back`;
  return {
    verified: `${done} and verified`,
    unverified: `${done}, but not verified`,
    failed: "failed; nothing was changed",
    cancelled: report.changed ? "cancelled half-way" : "cancelled; nothing was changed",
  }[report.outcome];
};

function summary(report: Report): string {
  const { requested, plan } = report;
  const time = (at: number | undefined): string => (at === undefined ? "–" : utcText(at));
  const exit = report.exitStatus === undefined ? "" : ` (exit status ${report.exitStatus})`;
  const rows: [string, string | undefined][] = [
    ["Outcome", `${outcomeText(report)}${exit}`],
    ["Reason", requested?.reason],
    ["Run", report.run],
    ["Takes back", report.undoes],
    ["Change", report.change],
    ["Requested", requested === undefined ? undefined : `${utcText(requested.at)} by ${requested.by}`],
    ["Started", time(report.startedAt)],
    ["Ended", time(report.endedAt)],
    ["Took", took(report)],
    ["Recovery time (RTO)", rtoText(report.rto)],
    ["Recovery point (RPO)", rpoText(report.rpo)],
    ["Data lost", lostText(report) ?? "none"],
    [
      "Checkpoint",
      plan.checkpoint === undefined ? undefined : `${plan.checkpoint.id} of ${utcText(plan.checkpoint.at)}`,
    ],
    ["Plan", `${plan.digest}, ${countText(plan.steps)} steps`],
  ];
  return markdownTable([
    ["", ""],
    ...rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ]);
}

/** Both figures where the plan had another one; `undefined` where nothing is lost. */
export function lostText({ dataLost: losses, dataLostPlanned: planned }: Report): string | undefined {
  const lost = lossText(losses);
  if (planned === undefined) return lost;
  return `${lost ?? "nothing"} (the plan, made earlier, had counted ${lossText(planned) ?? "nothing"})`;
}

function took({ durationMs, plan }: Report): string | undefined {
  if (durationMs === undefined) return undefined;
  const promised = plan.promisedMs === undefined ? "" : `, promised ${durationText(plan.promisedMs)}`;
  return `${durationText(durationMs)}, expected ${durationText(plan.expectedMs)}${promised}`;
}

/** `6.9 s from the request; objective 5 min: met`. */
export function rtoText({
  verdict,
  measuredMs,
  objectiveMs,
  from,
  missedByMs,
  class: name,
}: ReportRto): string {
  const measured =
    measuredMs === undefined ? "not recovered" : `${durationText(measuredMs)} from the ${from}`;
  const rule = name === undefined ? "" : ` (class ${name})`;
  return `${measured}${against(verdict === "not-recovered" ? "missed" : verdict, objectiveMs, missedByMs)}${rule}`;
}

export function rpoText({ verdict, measuredMs, objectiveMs, missedByMs }: ReportRpo): string {
  const measured = measuredMs === undefined ? "no data was brought back" : durationText(measuredMs);
  return `${measured}${against(verdict, objectiveMs, missedByMs)}`;
}

function against(verdict: string, objectiveMs: number | undefined, missedByMs: number | undefined): string {
  if (objectiveMs === undefined) return "; no objective";
  const word = {
    met: "met",
    missed: missedByMs === undefined ? "missed" : `missed by ${durationText(missedByMs)}`,
    unverified: "in time, but not verified",
    "no-loss": "met",
  }[verdict];
  return `; objective ${durationText(objectiveMs)}${word === undefined ? "" : `: ${word}`}`;
}

function failure({ firstFailure: first }: Report): string | undefined {
  if (first === undefined) return undefined;
  const hint = first.hint === undefined ? "" : `\n\nHint: ${escapeMarkdown(first.hint)}`;
  const looked = first.undecided === undefined ? "" : `; looked afterwards: ${first.undecided}`;
  return `${escapeMarkdown(first.step)}: ${escapeMarkdown(first.message + looked)} (${first.code})${hint}`;
}

/** Nothing that was recorded is left out: single facts as a table, lists (triggers, their samples) as tables below. */
function trigger(recorded: JsonObject): string {
  const facts = Object.entries(recorded).filter(([, value]) => !isRows(value));
  const table = markdownTable([["", ""], ...facts.map(([key, value]) => [key, factValue(key, value)])]);
  return [...(facts.length > 0 ? [table] : []), ...nestedTables(recorded, [])].join("\n\n");
}

function nestedTables(recorded: JsonObject, above: readonly string[]): string[] {
  return Object.entries(recorded).flatMap(([key, value]) => {
    if (!isRows(value)) return [];
    const all = [...new Set(value.flatMap((row) => Object.keys(row)))];
    const columns = all.filter((column) => !value.some((row) => isRows(row[column] ?? null)));
    const rows = value.map((row) => columns.map((column) => factValue(column, row[column] ?? "")));
    const title = [...above, key].map(escapeMarkdown).join(", ");
    return [
      `${title}:\n\n${markdownTable([columns, ...rows])}`,
      ...value.flatMap((row, index) => nestedTables(row, [rows[index]?.[0] ?? ""])),
    ];
  });
}

function factValue(key: string, value: Json): string {
  if (typeof value === "number" && isTime(key)) return utcText(value);
  if (typeof value === "number" && (key === "for" || key === "rtoMs" || key === "every"))
    return durationText(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

const isTime = (key: string): boolean => /^(?:at|since|until|.*At)$/.test(key);
const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isRows = (value: Json): value is readonly JsonObject[] =>
  Array.isArray(value) && value.length > 0 && value.every(isObject);

function dataLost({ dataLost: losses }: Report): string | undefined {
  if (losses.length === 0) return undefined;
  const count = (value: number | undefined): string => (value === undefined ? "?" : countText(value));
  const rows = losses.map((loss) => [
    loss.target,
    loss.what,
    count(loss.inserted),
    count(loss.updated),
    count(loss.deleted),
    loss.certain ? "" : "not known whether",
    loss.basis,
  ]);
  return markdownTable(
    [["target", "what", "inserted", "updated", "deleted", "", "counted by"], ...rows],
    [2, 3, 4],
  );
}

function steps(report: Report): string {
  const origin = report.startedAt ?? report.requested?.at ?? 0;
  const rows = report.steps.map((step) => [
    step.id,
    step.title,
    step.status,
    step.startedAt === undefined ? "" : `+${durationText(step.startedAt - origin)}`,
    step.durationMs === undefined ? "" : durationText(step.durationMs),
    durationText(step.expectedMs),
    step.attempts > 1 ? String(step.attempts) : "",
    stepResult(step),
  ]);
  const header = ["step", "", "status", "start", "took", "expected", "attempts", "result"];
  return markdownTable([header, ...rows], [3, 4, 5, 6]);
}

function stepResult({ failure: failed, summary: said, settled }: ReportStep): string {
  const asked = settled.map(
    ({ state, attempt, summary: found }) => `attempt ${attempt} settled as ${state}: ${found}`,
  );
  return [failed?.message ?? said ?? "", ...asked].filter((text) => text !== "").join("; ");
}

function checks({ checks: all }: Report): string | undefined {
  if (all.length === 0) return undefined;
  const rows = all.map(({ step, name, result, expected, actual, message }) => [
    step,
    name,
    result,
    expected ?? "",
    actual ?? "",
    message ?? "",
  ]);
  return markdownTable([["step", "check", "result", "expected", "actual", ""], ...rows]);
}

function changes({ changes: all, targets, steps: done }: Report): string | undefined {
  const worked = new Set(
    done.flatMap(({ id, kind, attempts }) => (kind === "apply" && attempts > 0 ? [id.split(".")[0]] : [])),
  );
  const whole = targets.flatMap(({ name, before, after }) =>
    after === undefined || !worked.has(name) ? [] : [[name, "", before, after, ""]],
  );
  const single = all.map(({ step, what, before, after, certain }) => [
    step,
    what,
    before,
    after,
    certain ? "" : "not known whether",
  ]);
  if (whole.length + single.length === 0) return undefined;
  return markdownTable([["target or step", "what", "before", "after", ""], ...whole, ...single]);
}

function irreversible({ irreversible: all }: Report): string | undefined {
  return list(all.map(({ step, why, done }) => `${step}: ${why}${done ? "" : " (was not done)"}`));
}

function timeline({ timeline: all }: Report): string {
  const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
  const rows = all.map(({ at, subject, text, hint }) => [
    time(at),
    subject,
    hint === undefined ? text : `${text} (hint: ${hint})`,
  ]);
  return markdownTable([["time (UTC)", "", ""], ...rows]);
}

function logs({ steps: all }: Report): string | undefined {
  const blocks = all.flatMap(({ id, log }) =>
    log.length === 0 ? [] : [`### ${escapeMarkdown(id)}\n\n${markdownFence(log)}`],
  );
  return blocks.length === 0 ? undefined : blocks.join("\n\n");
}

const list = (items: readonly string[]): string | undefined =>
  items.length === 0 ? undefined : items.map((item) => `- ${escapeMarkdown(item)}`).join("\n");
