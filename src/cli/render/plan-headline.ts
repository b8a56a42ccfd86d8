import type { DataLoss } from "../../core/driver.js";
import type { Plan } from "../../core/plan/plan.js";
import { lossText } from "../../core/report/data-lost.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Paint, palette } from "./colour.js";
import { ageText, durationText, listText, plural, sinceText } from "./format.js";
import { hanging, wrapText } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** What happens, how long it takes and what is lost: the lines that have to be read even if no other is. */
export function planHeadline(plan: Plan, options: RenderOptions): string[] {
  const paint = palette(options.colour);
  const title = `${plan.system}/${plan.environment}: ${
    plan.undoes === undefined
      ? `roll back by "${plan.scenario}"`
      : `take back run ${plan.undoes} ("${plan.scenario}")`
  }`;
  const lost = lossLine(plan, options);
  const stays = irreversibleCount(plan);
  const lines: [string, string, Paint | undefined][] = [
    ["what", whatLine(plan, options), undefined],
    ["time", timeLine(plan), fits(plan) ? undefined : paint.bad],
    ["lost", lost ?? "no data", lost === undefined ? undefined : paint.warn],
    [
      "undo",
      stays === 0 ? "every step can be taken back" : `${plural(stays, "step")} cannot be taken back`,
      stays === 0 ? undefined : paint.bad,
    ],
    ["plan", idLine(plan), paint.dim],
  ];
  return [
    ...wrapText(plainText(title), options.width).map(paint.strong),
    ...lines.flatMap(([label, text, colour]) =>
      hanging(`  ${label}  `, plainText(text), options.width, {
        label: paint.dim,
        ...(colour ? { text: colour } : {}),
      }),
    ),
  ];
}

const irreversibleCount = (plan: Plan): number =>
  plan.steps.filter((step) => step.impact.irreversible !== undefined).length;

function whatLine(plan: Plan, { now, utcOffset }: RenderOptions): string {
  const applied = plan.steps.filter((step) => step.kind === "apply");
  const touched = [...new Set(applied.map((step) => step.subject))];
  const restored = touched.filter((name) => plan.targets[name]?.restore);
  const others = touched.filter((name) => !plan.targets[name]?.restore);
  const at = plan.checkpoint?.at;
  const back = plan.undoes === undefined ? "back" : "as before that run";
  const when =
    at === undefined || plan.undoes !== undefined
      ? ""
      : ` as of ${ageText(at, now)} (${sinceText(at, now, utcOffset)})`;
  return [
    ...(restored.length > 0 ? [`${listText(restored)} ${back}${when}`] : []),
    ...(others.length > 0 ? [`${listText(others)} restarted`] : []),
  ].join("; ");
}

function timeLine({ estimate, objectives }: Plan): string {
  const { durationMs, downtimeMs, promisedMs } = estimate;
  const against = (limit: number | undefined, name: (text: string) => string): string[] =>
    limit === undefined
      ? []
      : [`${durationMs <= limit ? "fits" : "does not fit"} ${name(durationText(limit))}`];
  return [
    `about ${durationText(durationMs)}`,
    downtimeMs > 0 ? `down for ${durationText(downtimeMs)}` : "no downtime",
    ...against(promisedMs, (text) => `${text} promised`),
    ...against(objectives.rto, (text) => `RTO ${text}`),
  ].join(", ");
}

const fits = ({ estimate, objectives }: Plan): boolean =>
  estimate.durationMs <= Math.min(estimate.promisedMs ?? Infinity, objectives.rto ?? Infinity);

const idLine = ({ digest, steps, checkpoint, undoes }: Plan): string =>
  [
    digest.slice(0, 19),
    plural(steps.length, "step"),
    ...(checkpoint && undoes === undefined ? [`from ${checkpoint.id}`] : []),
  ].join(", ");

export const planLosses = (plan: Plan): DataLoss[] => plan.steps.flatMap((step) => step.impact.loses ?? []);

/** Since when: the earliest capture of those targets that lose something. */
function lostSince(plan: Plan): number | undefined {
  const losing = plan.steps.filter((step) => (step.impact.loses ?? []).length > 0);
  const times = losing.flatMap(({ subject }) => {
    const target = plan.targets[subject];
    return target?.since ?? target?.captured?.at ?? [];
  });
  return times.length === 0 ? plan.checkpoint?.at : Math.min(...times);
}

function lossLine(plan: Plan, { now, utcOffset }: RenderOptions): string | undefined {
  const since = lostSince(plan);
  return lossText(planLosses(plan), since === undefined ? "" : sinceText(since, now, utcOffset));
}
