import type { FollowEnd } from "../../app/follow-targets.js";
import type { FollowedEvent, FollowedLine, FollowedPart, FollowedUnit, Usage } from "../../core/follow.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Paint, type Palette, palette } from "./colour.js";
import { bytesText, clockText, countText, plural, roughText } from "./format.js";
import { type Cell, hanging, table, truncate } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { textWidth } from "./text-width.js";

export interface ObserveModel {
  readonly system: string;
  readonly environment: string;
  /** Target → what it is made of. */
  readonly targets: ReadonlyMap<string, readonly FollowedPart[]>;
  /** Oldest first. */
  readonly events: readonly FollowedEvent[];
  readonly lines: readonly FollowedLine[];
  /** What is not to be had → why. */
  readonly missing: ReadonlyMap<string, string>;
}

const widest = 140;
const mostEvents = 5;
const mostLines = 8;

/** Workloads with their pods, events (warnings first), the last log lines; at most `height` lines. */
export function observeFrame(
  model: ObserveModel,
  options: RenderOptions & { readonly height: number },
): string[] {
  const width = Math.min(options.width - 1, widest);
  const paint = palette(options.colour);
  const room = options.height - 1;
  const title = paint.strong(truncate(plainText(`${model.system}/${model.environment}`), width));
  if (model.targets.size === 0) return [title, paint.dim("looking")];
  const missing = [...model.missing].flatMap(([what, why]) =>
    hanging(`${what}: `, `not available: ${plainText(why)}`, width, { text: paint.warn }),
  );
  const events = eventLines(model.events, options, width, paint);
  const lines = model.lines
    .slice(-mostLines)
    .map(({ subject, text }) => truncate(plainText(`${subject} | ${text}`), width));
  const below = (parts: readonly (readonly string[])[]): string[] =>
    parts.flatMap((part) => (part.length === 0 ? [] : ["", ...part]));
  const rows = rowsOf([...model.targets.values()].flat(), options.now, width, paint);
  // Where it is low, log lines go first, then events, then pods that are well.
  const rests = [[events, lines, missing], [events, missing], [missing], []] as const;
  const rest = rests.map(below).find((one) => 1 + rows.length + one.length <= room) ?? [];
  const shown = fitted(rows, room - 1 - rest.length);
  const more = rows.length - shown.length;
  const cut = more > 0 ? [paint.dim(`  and ${countText(more)} more`)] : [];
  return [title, ...shown, ...cut, ...rest].slice(0, Math.max(1, room));
}

const columns = [{ min: 12 }, { min: 12 }, { optional: 3 }, { optional: 1 }, { optional: 2 }] as const;

interface Row {
  readonly line: string;
  readonly well: boolean;
}

/** A line a part, below it one for each of its units; the columns of all units are the same. */
function rowsOf(parts: readonly FollowedPart[], now: number, width: number, paint: Palette): Row[] {
  const cells = parts.flatMap(({ units }) => units.map((unit) => unitCells(unit, now, paint)));
  const lines = table(cells, columns, { width, indent: 2 });
  let next = 0;
  return parts.flatMap((part) => [
    { line: partLine(part, width, paint), well: false },
    ...part.units.map((unit) => ({ line: lines[next++] ?? "", well: unit.ready && unit.wanted })),
  ]);
}

/** Those that are well are left out first, the last ones of them. */
function fitted(rows: readonly Row[], room: number): string[] {
  const most = Math.max(1, rows.length > room ? room - 1 : room);
  let over = rows.length - most;
  const kept = rows.toReversed().filter(({ well }) => {
    if (over <= 0 || !well) return true;
    over--;
    return false;
  });
  return kept
    .toReversed()
    .slice(0, most)
    .map(({ line }) => line);
}

function partLine(part: FollowedPart, width: number, paint: Palette): string {
  const colours: Readonly<Record<FollowedPart["state"], Paint>> = {
    done: paint.good,
    going: paint.accent,
    stuck: paint.bad,
  };
  const name = truncate(plainText(part.name), Math.floor(width / 2));
  const text = truncate(plainText(partText(part)), width - textWidth(name) - 2);
  return `${paint.strong(name)}  ${colours[part.state](text)}`;
}

const unitCells = (unit: FollowedUnit, now: number, paint: Palette): (Cell | string)[] => [
  { text: plainText(unit.name), paint: unit.wanted ? String : paint.dim },
  { text: plainText(stateOf(unit)), paint: unit.ready ? paint.good : paint.warn },
  { text: restartsOf(unit), paint: paint.warn },
  { text: unit.since === undefined ? "" : roughText(Math.max(0, now - unit.since)), paint: paint.dim },
  usageText(unit),
];

/** `2 of 3 pods ready`, `stuck: …`. */
export const partText = ({ state, summary }: FollowedPart): string =>
  state === "stuck" ? `stuck: ${summary}` : summary;

/** `Running, ready, 2 restarts`: what a change of is worth a line. */
export const unitText = (unit: FollowedUnit): string =>
  [stateOf(unit), restartsOf(unit)].filter(Boolean).join(", ");

function stateOf({ phase, ready, wanted }: FollowedUnit): string {
  const old = wanted ? "" : ", an old one";
  return `${phase}, ${ready ? "ready" : "not ready"}${old}`;
}

const restartsOf = ({ restarts }: FollowedUnit): string =>
  restarts === 0 ? "" : plural(restarts, "restart");

export const eventText = ({ warning, text }: FollowedEvent): string => `${warning ? "warning: " : ""}${text}`;

const coresText = (cores: number): string => `${Math.round(cores * 1000)}m`;

function usageText({ cpu, memory }: FollowedUnit): string {
  const against = ({ used, limit }: Usage, text: (value: number) => string): string =>
    limit === undefined ? text(used) : `${text(used)} of ${text(limit)}`;
  return [
    ...(cpu === undefined ? [] : [`cpu ${against(cpu, coresText)}`]),
    ...(memory === undefined ? [] : [`memory ${against(memory, bytesText)}`]),
  ].join(", ");
}

/** Warnings first, of both the newest; each once, however often it came. */
function eventLines(
  events: readonly FollowedEvent[],
  { utcOffset }: RenderOptions,
  width: number,
  paint: Palette,
): string[] {
  const newest = new Map(events.map((event) => [`${event.subject} ${event.text}`, event] as const)).values();
  return [...newest]
    .toSorted((a, b) => Number(b.warning) - Number(a.warning) || b.at - a.at)
    .slice(0, mostEvents)
    .map((event) => {
      const text = truncate(plainText(`${event.subject}: ${event.text}`), width - 10);
      return `${paint.dim(clockText(event.at, utcOffset))}  ${event.warning ? paint.warn(text) : text}`;
    });
}

export function endText(how: FollowEnd): string {
  const texts: Readonly<Record<FollowEnd, string>> = {
    settled: "all of it is as it is wanted, and ready",
    stuck: "something will not become ready by itself: see the lines that say stuck; backout status",
    open: "the time is over, and something is still going on",
  };
  return texts[how];
}
