import type { Judgement } from "../../app/watch-judgement.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Sample } from "../../core/signal/sample.js";
import type { TriggerStatus } from "../../core/signal/trigger-state.js";
import { type Palette, palette } from "./colour.js";
import { clockText, countText, durationText } from "./format.js";
import { incidentText } from "./incident-text.js";
import { type Cell, hanging, table, truncate } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { sourceText } from "./source-text.js";
import { sparkline } from "./sparkline.js";
import { decisionText, levelPaint, sampleText, stateText, type WatchEvent } from "./watch-events.js";

export interface WatchModel {
  readonly system: string;
  readonly environment: string;
  readonly judgement: Judgement | undefined;
  /** When the present verdict began. */
  readonly since: number;
  /** Signal → its last samples, oldest first. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  /** Oldest first. */
  readonly events: readonly WatchEvent[];
}

const widest = 110;
const lastEvents = 6;
/** Of triggers and signals: where the screen is too low for so many, the words above them are cut. */
const fewestRows = 7;
/** From so many columns on there is room for conditions, and for how a source is beside its sparkline. */
const roomy = 64;

/** The verdict, what it rests on, the measurements and what happened last; at most `height` lines. */
export function watchFrame(
  model: WatchModel,
  options: RenderOptions & { readonly height: number },
): string[] {
  const width = Math.min(options.width - 1, widest);
  const paint = palette(options.colour);
  const { judgement } = model;
  const scope = plainText(`${model.system}/${model.environment}`);
  if (judgement === undefined) return [truncate(`${scope}: reading the signals`, width)];
  const { level } = judgement.verdict;
  const colour = levelPaint(level, paint);
  const clock = Math.floor(Math.max(0, options.now - model.since) / 1000) * 1000;
  const decision = decisionText(judgement);
  const { incident } = judgement;
  const opened = incident === undefined ? "" : plainText(incidentText(incident, options.now));
  const verdict = `${paint.strong(colour(level))} ${truncate(`${scope}, for ${durationText(clock)}`, width - level.length - 1)}`;
  const done = decision === "" ? [] : hanging("", plainText(decision), width, { text: colour });
  const headWith = (about: readonly string[]): string[] => [verdict, ...about, ...done, ""];
  const whole = headWith(opened === "" ? [] : hanging("", opened, width));
  const fits = whole.length + fewestRows < options.height;
  const head = fits || opened === "" ? whole : headWith([truncate(opened, width)]);
  const left = options.height - 1 - head.length;
  const triggers = fitted(
    triggerRows(judgement, options.now, width, paint),
    Math.ceil(left / 2),
    width,
    paint,
    triggerColumns,
  );
  const signals = fitted(
    signalRows(model, options.now, width, paint),
    left - triggers.length - 1,
    width,
    paint,
    signalColumns,
  );
  const rest = left - triggers.length - signals.length - 2;
  const events = model.events
    .slice(-Math.max(0, Math.min(lastEvents, rest)))
    .map(({ at, text, level: of }) =>
      truncatedEvent(clockText(at, options.utcOffset), text, width, paint, levelPaint(of, paint)),
    );
  return [
    ...head,
    ...triggers,
    "",
    ...signals,
    ...(rest > 0 && events.length > 0 ? ["", ...events] : []),
  ].slice(0, Math.max(1, options.height - 1));
}

const triggerColumns = [{}, { min: 8 }, {}, { min: 14, optional: 1 }] as const;
const signalColumns = [
  { min: 8 },
  { align: "right", min: 8 },
  { optional: 2 },
  { min: 12, optional: 1 },
] as const;

/** Those that are not quiet first. */
function triggerRows(
  { statuses }: Judgement,
  now: number,
  width: number,
  paint: Palette,
): (Cell | string)[][] {
  const order = { firing: 0, pending: 1, unknown: 2, inactive: 3 } as const;
  return statuses
    .toSorted((a, b) => order[a.state] - order[b.state])
    .map((status: TriggerStatus) => {
      const quiet = status.state === "inactive";
      const colour = quiet
        ? paint.dim
        : levelPaint(status.state === "unknown" ? "UNKNOWN" : status.level, paint);
      return [
        { text: status.level, paint: colour },
        { text: plainText(status.trigger), ...(quiet ? { paint: paint.dim } : {}) },
        { text: stateText(status, now), paint: colour },
        { text: width < roomy ? "" : plainText(status.noData ?? status.when), paint: paint.dim },
      ];
    });
}

function signalRows(
  { samples, judgement }: WatchModel,
  now: number,
  width: number,
  paint: Palette,
): (Cell | string)[][] {
  const sources = new Map(judgement?.sourceHealth.map((one) => [one.source, one]));
  return [...samples].map(([name, all]) => {
    const source = sources.get(name);
    const newest = all.at(-1);
    const known = newest?.value !== undefined;
    return [
      plainText(name),
      { text: sampleText(newest), ...(known ? {} : { paint: paint.warn }) },
      {
        text: sparkline(
          all.map(({ value }) => value),
          Math.max(6, Math.min(30, Math.floor((width - 34) / 2))),
        ),
        paint: paint.accent,
      },
      {
        text: source === undefined || width < roomy ? "" : plainText(sourceText(source, now)),
        paint: paint.warn,
      },
    ];
  });
}

/** As many rows as fit; the rest as a number, where there is a line for it. */
function fitted(
  rows: readonly (readonly (Cell | string)[])[],
  room: number,
  width: number,
  paint: Palette,
  columns: Parameters<typeof table>[1],
): string[] {
  const shown = rows.length <= room ? rows : rows.slice(0, Math.max(Math.min(1, room), room - 1));
  const lines = table(shown, columns, { width, indent: 2 });
  const more = rows.length - shown.length;
  return more > 0 && shown.length < room ? [...lines, paint.dim(`  and ${countText(more)} more`)] : lines;
}

function truncatedEvent(
  time: string,
  text: string,
  width: number,
  paint: Palette,
  colour: (text: string) => string,
): string {
  return `  ${paint.dim(time)}  ${colour(truncate(text, width - time.length - 4))}`;
}
