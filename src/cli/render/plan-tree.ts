import { phases } from "../../core/driver.js";
import type { Plan, PlanStep } from "../../core/plan/plan.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { durationText, plural } from "./format.js";
import { type Cell, hanging, table, truncate } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** From this many columns on a step's name and title stand side by side. */
const sideBySide = 64;
const mostChanges = 6;

/** Phase, then target, then step; below each step what it will change. */
export function planTree(plan: Plan, options: RenderOptions & { readonly all?: boolean }): string[] {
  const paint = palette(options.colour);
  const groups = phases.map((phase) => ({
    phase,
    steps: byTarget(plan.steps.filter((one) => one.phase === phase)),
  }));
  const present = groups.filter(({ steps }) => steps.length > 0);
  const rows = present.flatMap(({ steps }) => steps.map((step) => stepRow(step, paint, options.width)));
  const lines = table(rows, columns(options.width), { width: options.width, indent: 2 });
  const early = stagedEarly(plan);
  const downFrom = plan.steps.find((step) => step.impact.interrupts)?.id;
  const remark = (step: PlanStep): string[] => {
    const lines = [];
    if (early.has(step.id)) lines.push(paint.dim("    before anything is stopped"));
    if (step.id === downFrom) lines.push(paint.warn("    service is down from here"));
    return lines;
  };
  let index = 0;
  return present.flatMap(({ phase, steps }) => [
    paint.accent(phase),
    ...steps.flatMap((step) => [
      lines[index++] ?? "",
      ...(options.width < sideBySide ? titleBelow(step, options.width) : []),
      ...remark(step),
      ...detail(step, options, paint),
    ]),
  ]);
}

/** Steps of `restore` that what is stopped waits for: they run while the system still serves. */
function stagedEarly(plan: Plan): Set<string> {
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  const early = new Set<string>();
  const visit = (id: string): void => {
    if (early.has(id) || steps.get(id)?.phase !== "restore") return;
    early.add(id);
    for (const need of steps.get(id)?.needs ?? []) visit(need);
  };
  for (const step of plan.steps) if (step.phase === "quiesce") for (const need of step.needs) visit(need);
  return early;
}

/** One line for each phase, where nobody would read thousands. */
export function planTotals(plan: Plan, options: RenderOptions): string[] {
  const paint = palette(options.colour);
  const rows = phases.flatMap((phase) => {
    const steps = plan.steps.filter((step) => step.phase === phase);
    if (steps.length === 0) return [];
    const longest = steps.reduce((most, step) => (step.expectedMs > most.expectedMs ? step : most));
    return [
      [
        { text: phase, paint: paint.accent },
        plural(steps.length, "step"),
        plural(new Set(steps.map((step) => step.subject)).size, phase === "check" ? "subject" : "target"),
        { text: `longest ${plainText(longest.id)}, ${durationText(longest.expectedMs)}`, paint: paint.dim },
      ],
    ];
  });
  const widths = [{}, { align: "right" }, { align: "right" }, { min: 12, optional: 1 }] as const;
  return [
    ...table(rows, widths, { width: options.width }),
    ...hanging("", "--all shows every step, --json gives the whole plan", options.width, { text: paint.dim }),
  ];
}

/** Targets in the order in which they first appear, each with its steps in their order. */
function byTarget(steps: readonly PlanStep[]): PlanStep[] {
  const groups = new Map<string, PlanStep[]>();
  for (const step of steps) {
    const key = step.kind === "check" ? "check" : step.subject;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [step]);
    else group.push(step);
  }
  return [...groups.values()].flat();
}

const columns = (width: number) =>
  width < sideBySide
    ? ([{ min: 12 }, { align: "right" }] as const)
    : ([{ min: 10 }, { min: 20 }, { align: "right" }] as const);

function stepRow(step: PlanStep, paint: Palette, width: number): (Cell | string)[] {
  const name = { text: plainText(step.id), paint: paint.strong };
  const time = { text: durationText(step.expectedMs), paint: paint.dim };
  return width < sideBySide ? [name, time] : [name, plainText(step.title), time];
}

const titleBelow = (step: PlanStep, width: number): string[] => hanging("    ", plainText(step.title), width);

function detail(step: PlanStep, { width, all }: RenderOptions & { all?: boolean }, paint: Palette): string[] {
  const { changes = [], irreversible, security } = step.impact;
  const shown = all ? changes : changes.slice(0, mostChanges);
  const lines = shown.map(({ what, before, after }) =>
    paint.dim(changeLine(plainText(what), plainText(before), plainText(after), width)),
  );
  if (shown.length < changes.length) {
    lines.push(paint.dim(`    and ${plural(changes.length - shown.length, "more change")} (--all)`));
  }
  if (irreversible !== undefined) {
    lines.push(...hanging("    cannot be taken back: ", plainText(irreversible), width, both(paint.bad)));
  }
  if (security !== undefined) {
    lines.push(...hanging("    security: ", plainText(security), width, both(paint.warn)));
  }
  return lines;
}

const both = (colour: (text: string) => string) => ({ label: colour, text: colour });

/** `what: before → after` on one line; where it is too long, both values are cut alike so that neither vanishes. */
function changeLine(what: string, before: string, after: string, width: number): string {
  const whole = `    ${what}: ${before} → ${after}`;
  if (truncate(whole, width) === whole) return whole;
  const room = width - 9;
  const name = truncate(what, Math.max(8, Math.floor(room / 3)));
  const each = Math.max(4, Math.floor((room - name.length) / 2));
  const spare = (other: string): number => Math.max(0, each - other.length);
  return truncate(
    `    ${name}: ${truncate(before, each + spare(after))} → ${truncate(after, each + spare(before))}`,
    width,
  );
}
