import { plainText } from "../../core/report/plain-text.js";
import { runNotices } from "../../core/report/run-notices.js";
import type { RunState, StepState, StepStatus } from "../../core/run/run-state.js";
import { type Paint, type Palette, palette } from "./colour.js";
import { countText, durationText } from "./format.js";
import { hanging, pad, truncate } from "./layout.js";
import { liveClock } from "./live-clock.js";
import { chooseSteps } from "./live-steps.js";
import type { LiveView } from "./live-view.js";
import type { RenderOptions } from "./render-options.js";

const widest = 100;
const spinner = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];

/** One picture of a run, never more than `height` lines and never a line that the terminal would wrap. */
export function liveFrame(view: LiveView, options: RenderOptions & { readonly height: number }): string[] {
  const width = Math.min(options.width - 1, widest);
  const paint = palette(options.colour);
  const { plan, state } = view;
  const title = truncate(
    plainText(`${plan.system}/${plan.environment}: rolling back by "${plan.scenario}"`),
    width,
  );
  const footer = [
    ...(state === undefined
      ? ["starting"]
      : [...liveCounts(state, width, paint), ...liveClock(view, options, width)]),
    ...(state === undefined
      ? []
      : runNotices(state, options.now).flatMap(({ text, hint }) =>
          hanging("! ", plainText(hint === undefined ? text : `${text} (${hint})`), width, {
            text: paint.warn,
          }),
        )),
    ...(view.note === undefined ? [] : hanging("", plainText(view.note), width, { text: paint.warn })),
  ];
  const room = options.height - footer.length - 3;
  const chosen = state === undefined ? [] : chooseSteps(state, room);
  const nameWidth = Math.min(
    Math.max(8, ...chosen.map(({ step }) => step.id.length)),
    Math.floor(width * 0.4),
  );
  const rows = chosen.map((step) => stepRow(step, view, { nameWidth, width, now: options.now, paint }));
  return [paint.strong(title), ...rows, "", ...footer].slice(0, Math.max(1, options.height - 1));
}

interface RowStyle {
  readonly nameWidth: number;
  readonly width: number;
  readonly now: number;
  readonly paint: Palette;
}

const timeWidth = 10;

function stepRow(state: StepState, view: LiveView, { nameWidth, width, now, paint }: RowStyle): string {
  const { symbol, colour } = symbolOf(state, now, paint);
  const name = pad(truncate(plainText(state.step.id), nameWidth), nameWidth);
  const time = pad(timeOf(state, now), timeWidth, "right");
  const room = width - nameWidth - timeWidth - 8;
  const { text, tone } = textOf(state, view, now, paint);
  const middle = room < 8 ? "" : `  ${tone(pad(truncate(text, room), room))}`;
  const dim = state.status === "waiting" || state.status === "skipped";
  return `  ${colour(symbol)} ${dim ? paint.dim(name) : name}${middle}  ${paint.dim(time)}`.trimEnd();
}

function symbolOf(
  { status, retryAt }: StepState,
  now: number,
  paint: Palette,
): { symbol: string; colour: Paint } {
  const table: Record<StepStatus, [string, Paint]> = {
    waiting: ["·", paint.dim],
    ready: retryAt === undefined ? ["·", paint.dim] : ["↻", paint.warn],
    running: [spinner[Math.floor(now / 100) % spinner.length] ?? "·", paint.accent],
    unsettled: ["?", paint.warn],
    succeeded: ["✓", paint.good],
    failed: ["✗", paint.bad],
    undecided: ["?", paint.bad],
    skipped: ["–", paint.dim],
  };
  const [symbol, colour] = table[status];
  return { symbol, colour };
}

function timeOf({ status, startedAt, endedAt }: StepState, now: number): string {
  if (startedAt === undefined) return "";
  if (status === "running") return durationText(Math.floor(Math.max(0, now - startedAt) / 100) * 100);
  return endedAt === undefined ? "" : durationText(endedAt - startedAt);
}

function textOf(
  state: StepState,
  view: LiveView,
  now: number,
  paint: Palette,
): { text: string; tone: Paint } {
  const { step, status, attempt, failure, summary, retryAt } = state;
  const title = plainText(step.title);
  const plain = String;
  switch (status) {
    case "running": {
      const progress = view.progress.get(step.id);
      const again = attempt > 1 ? `attempt ${attempt}: ` : "";
      return { text: `${again}${progress === undefined ? title : plainText(progress)}`, tone: plain };
    }
    case "succeeded":
    case "skipped":
      return { text: plainText(summary ?? step.title), tone: paint.dim };
    case "unsettled":
      return { text: "looking what became of it", tone: paint.warn };
    case "undecided":
      return { text: plainText(summary ?? "not known what became of it"), tone: paint.bad };
    case "failed":
      return { text: plainText(failure?.message ?? step.title), tone: paint.bad };
    case "ready":
      if (retryAt === undefined || failure === undefined) return { text: title, tone: paint.dim };
      return {
        text: `again ${pauseText(retryAt - now)}: ${plainText(failure.message)}`,
        tone: paint.warn,
      };
    default:
      return { text: title, tone: paint.dim };
  }
}

const pauseText = (ms: number): string =>
  ms <= 0 ? "now" : `in ${durationText(Math.ceil(ms / 1000) * 1000)}`;

function liveCounts(state: RunState, width: number, paint: Palette): string[] {
  const total = state.plan.steps.length;
  const bad = state.failed.size + state.undecided.size;
  const parts = [
    `${countText(total - state.remaining - state.failed.size)} of ${countText(total)} steps done`,
    ...(state.running.size > 0 ? [`${countText(state.running.size)} running`] : []),
    ...(bad > 0 ? [`${countText(bad)} failed`] : []),
  ];
  return hanging("", parts.join(", "), width, bad > 0 ? { text: paint.bad } : {});
}
