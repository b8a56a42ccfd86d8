import type { Backtest } from "../../app/backtest-triggers.js";
import { plainText } from "../../core/report/plain-text.js";
import type { BacktestedTrigger, Firing, KnownEvent } from "../../core/signal/backtest.js";
import { type Paint, palette } from "./colour.js";
import { countText, durationText, listText, localText, plural } from "./format.js";
import { hanging } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { levelPaint } from "./watch-events.js";

const mostFirings = 20;
const indent = "        ";

/** Every trigger with its firings, then what could not be said, and what nothing would have noticed. */
export function renderBacktest(result: Backtest, options: RenderOptions): string {
  const paint = palette(options.colour);
  const { width } = options;
  const time = (at: number): string => localText(at, options.utcOffset);
  const { from, to, near, triggers, notReplayed, signals, events, unnoticed } = result;
  const readings = signals.reduce((sum, one) => sum + one.readings, 0);
  const head = `${time(from)} to ${time(to)}: ${plural(readings, "reading")} of ${plural(signals.length, "signal")}`;
  const say = (label: string, text: string, colour?: Paint): string[] =>
    hanging(
      label.padEnd(indent.length),
      plainText(text),
      width,
      colour === undefined ? {} : { label: colour },
    );
  return [
    head,
    "",
    ...triggers.flatMap((one) => [
      ...say(one.level, `${one.trigger}: ${summaryOf(one, result)}`, levelPaint(one.level, paint)),
      ...firingLines(one.firings, time, width).map(paint.dim),
    ]),
    ...notReplayed.flatMap(({ trigger, reason }) =>
      say("?", `${trigger}: not replayed: ${reason}`, paint.warn),
    ),
    ...signals.flatMap((one) => gapLine(one, say)),
    ...unnoticed.flatMap((one) =>
      say("!", `${eventText(one)} at ${time(one.from)}: no trigger fired near it`, paint.warn),
    ),
    "",
    `bad by what is known: ${knownText(events)}; near is ${durationText(near)}`,
    ...(events.length > 0
      ? []
      : [
          "hint: --incident FROM/TO says when it was really bad; without, every firing counts as for nothing",
        ]),
  ].join("\n");
}

function summaryOf({ firings, fired, nearMisses }: BacktestedTrigger, { from, to }: Backtest): string {
  const close = nearMisses === 0 ? "" : `; ${plural(nearMisses, "time")} pending without firing`;
  if (firings.length === 0) return `would not have fired${close}`;
  const nothing = firings.filter(({ near }) => near.length === 0).length;
  const share = (100 * fired) / (to - from);
  const long = `${durationText(fired)} in all, ${share < 1 ? share.toFixed(2) : share.toFixed(0)} % of the time`;
  return `would have fired ${plural(firings.length, "time")}, ${countText(nothing)} for nothing; ${long}${close}`;
}

function firingLines(firings: readonly Firing[], time: (at: number) => string, width: number): string[] {
  const lines = firings.slice(0, mostFirings).flatMap(({ pendingAt, firedAt, endedAt, near }) => {
    const waited = firedAt === pendingAt ? "" : `, pending since ${time(pendingAt).slice(11)}`;
    const ended =
      endedAt === undefined ? "still firing at the end" : `for ${durationText(endedAt - firedAt)}`;
    const why = near.length === 0 ? "for nothing" : `near ${listText(near.map(eventText))}`;
    return hanging(indent, plainText(`${time(firedAt)}${waited}, ${ended}, ${why}`), width);
  });
  const more = firings.length - mostFirings;
  return more > 0 ? [...lines, `${indent}and ${countText(more)} more: --json has all`] : lines;
}

function gapLine(
  { signal, readings, measured }: Backtest["signals"][number],
  say: (label: string, text: string) => string[],
): string[] {
  const missing = readings - measured;
  if (missing === 0) return [];
  return say(
    "?",
    `${signal}: ${countText(missing)} of ${plural(readings, "reading")} could not have been measured`,
  );
}

const eventText = ({ kind, id }: KnownEvent): string => `${kind} ${id}`;

function knownText(events: readonly KnownEvent[]): string {
  const kinds = ["rollback", "report", "incident"] as const;
  const counts = kinds.map((kind) => plural(events.filter((one) => one.kind === kind).length, kind));
  return listText(counts);
}
