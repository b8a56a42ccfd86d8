import type { Plan } from "../../core/plan/plan.js";
import { lossText } from "../../core/report/data-lost.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { countText, plural } from "./format.js";
import { hanging, narrowest, table } from "./layout.js";
import { planHeadline, planLosses } from "./plan-headline.js";
import { planTotals, planTree } from "./plan-tree.js";
import type { RenderOptions } from "./render-options.js";
import { problemLines } from "./render-problems.js";

export interface PlanRendering extends RenderOptions {
  /** Every step, change and warning, however many there are. */
  readonly all?: boolean;
}

/** Above this many steps a tree says less than its totals. */
const mostSteps = 60;
const mostNotes = 10;

export function renderPlan(plan: Plan, options: PlanRendering): string {
  const paint = palette(options.colour);
  if (!plan.steps.some((step) => step.kind === "apply")) return nothingToDo(plan, options, paint);
  const whole = options.all || plan.steps.length <= mostSteps;
  const blocks = [
    planHeadline(plan, options),
    whole ? planTree(plan, options) : planTotals(plan, options),
    lossTable(plan, options, paint),
    whole ? [] : consequences(plan, options, paint),
    warningLines(plan, options),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

function nothingToDo(plan: Plan, options: PlanRendering, paint: Palette): string {
  const checks = plan.steps.length;
  const state =
    plan.checkpoint === undefined
      ? "there is nothing to do"
      : `nothing to bring back, everything is as in checkpoint ${plan.checkpoint.id}`;
  const lines = [
    ...hanging("", plainText(`${plan.system}/${plan.environment}: ${state}`), options.width, {
      text: paint.strong,
    }),
    ...(checks === 0
      ? []
      : hanging("  ", `${plural(checks, "check")} would be run, nothing would be changed`, options.width)),
    ...warningLines(plan, options),
  ];
  return lines.join("\n");
}

/** What would be lost, place by place, and how it was counted: said once where it is the same for all. */
function lossTable(plan: Plan, options: PlanRendering, paint: Palette): string[] {
  const losses = planLosses(plan);
  if (losses.length === 0) return [];
  const shown = options.all ? losses : losses.slice(0, mostNotes);
  const count = (value: number | undefined): string => (value === undefined ? "?" : countText(value));
  const header = ["", "inserted", "updated", "deleted"].map((text) => ({ text, paint: paint.dim }));
  const rows = shown.map(({ what, inserted, updated, deleted }) => [
    plainText(what),
    ...[inserted, updated, deleted].map(count),
  ]);
  const widths = [{ min: 8 }, { align: "right" }, { align: "right" }, { align: "right" }] as const;
  const places =
    options.width < narrowest
      ? shown.map((loss) => `  ${plainText(lossText([loss]) ?? loss.what)}`)
      : table([header, ...rows], widths, { width: options.width, indent: 2 });
  const bases = [...new Set(losses.map(({ basis }) => plainText(basis)))];
  return [
    ...hanging("", "data written since then, which would be lost", options.width, { text: paint.accent }),
    ...places,
    ...more(losses.length - shown.length, "more place", paint),
    ...bases
      .slice(0, 3)
      .flatMap((basis) =>
        hanging("  counted: ", basis, options.width, { label: paint.dim, text: paint.dim }),
      ),
  ];
}

/** Where the tree is left out, what in it must not be overlooked is said here. */
function consequences(plan: Plan, options: PlanRendering, paint: Palette): string[] {
  const notes = plan.steps.flatMap(({ id, impact }) => [
    ...(impact.irreversible === undefined
      ? []
      : [{ label: `${id} cannot be taken back: `, text: impact.irreversible, colour: paint.bad }]),
    ...(impact.security === undefined
      ? []
      : [{ label: `${id} security: `, text: impact.security, colour: paint.warn }]),
  ]);
  return [
    ...notes
      .slice(0, mostNotes)
      .flatMap(({ label, text, colour }) =>
        hanging(plainText(label), plainText(text), options.width, { label: colour, text: colour }),
      ),
    ...more(notes.length - mostNotes, "more consequence", paint),
  ];
}

function warningLines(plan: Plan, options: PlanRendering): string[] {
  const shown = options.all ? plan.warnings : plan.warnings.slice(0, mostNotes);
  return [
    ...problemLines(shown, options),
    ...more(plan.warnings.length - shown.length, "more warning", palette(options.colour)),
  ];
}

const more = (count: number, what: string, paint: Palette): string[] =>
  count > 0 ? [paint.dim(`  and ${plural(count, what)} (--all)`)] : [];
