import type { FollowEnd, FollowEvents } from "../../app/follow-targets.js";
import type { FollowedEvent, FollowedLine, FollowedPart } from "../../core/follow.js";
import { plainText } from "../../core/report/plain-text.js";
import { palette } from "./colour.js";
import { clockText } from "./format.js";
import { narrowest } from "./layout.js";
import { endText, eventText, type ObserveModel, observeFrame, partText, unitText } from "./observe-frame.js";
import { redrawn } from "./redrawn.js";
import type { WatchSession } from "./watch-view.js";

/** Shows what is followed while it is. After `end` the last picture stays. */
export interface ObserveView extends FollowEvents {
  /** Undefined where it did not come to its own end. */
  end(how: FollowEnd | undefined): void;
}

type Scope = Pick<ObserveModel, "system" | "environment">;

const frameMs = 200;
const lowest = 12;
const kept = 50;

/** `still`: one look alone is shown. */
export async function observeView(session: WatchSession, scope: Scope, still: boolean): Promise<ObserveView> {
  if (session.options.json) return jsonView(session);
  const { stdout } = session;
  const drawable =
    stdout.isTTY === true &&
    (stdout.columns ?? 80) >= narrowest &&
    (stdout.rows ?? 24) >= lowest &&
    process.env["TERM"] !== "dumb";
  if (still) return pictured(session, scope);
  return drawable ? drawnView(session, scope) : writtenView(session, scope);
}

function jsonView({ json, render }: WatchSession): ObserveView {
  const tell = (type: string, more: object): void =>
    json({ type: `observe.${type}`, at: render().now, ...more });
  return {
    onState: (target, parts) => tell("state", { target, parts }),
    onEvent: (target, event) => tell("event", { target, ...event }),
    onLine: (target, line) => tell("line", { target, ...line }),
    onMissing: (target, what, why) => tell("missing", { target, what, why }),
    end: (how) => {
      if (how !== undefined) tell("end", { how });
    },
  };
}

interface Changing {
  readonly model: ObserveModel;
  readonly events: FollowEvents;
}

function changing(scope: Scope): Changing {
  const targets = new Map<string, readonly FollowedPart[]>();
  const events: FollowedEvent[] = [];
  const lines: FollowedLine[] = [];
  const missing = new Map<string, string>();
  const keep = <T>(all: T[], one: T): void => {
    all.push(one);
    if (all.length > kept) all.shift();
  };
  return {
    model: { ...scope, targets, events, lines, missing },
    events: {
      onState: (target, parts) => void targets.set(target, parts),
      onEvent: (_, event) => keep(events, event),
      onLine: (_, line) => keep(lines, line),
      onMissing: (_, what, why) => void missing.set(what, why),
    },
  };
}

/** As high as it needs to be. */
const whole = (session: WatchSession, model: ObserveModel): string =>
  observeFrame(model, { ...session.render(), height: Number.POSITIVE_INFINITY }).join("\n");

function pictured(session: WatchSession, scope: Scope): ObserveView {
  const { model, events } = changing(scope);
  return {
    ...events,
    end: (how) => {
      if (how !== undefined) session.print(whole(session, { ...model, lines: [] }));
    },
  };
}

async function drawnView(session: WatchSession, scope: Scope): Promise<ObserveView> {
  const { stdout } = session;
  const log = await redrawn(stdout);
  const { model, events } = changing(scope);
  const draw = (): void =>
    log.draw(observeFrame(model, { ...session.render(), height: stdout.rows ?? 24 }).join("\n"));
  const timer = setInterval(draw, frameMs);
  timer.unref();
  draw();
  return {
    ...events,
    end: (how) => {
      clearInterval(timer);
      draw();
      log.done();
      if (how !== undefined) session.print(endText(how));
    },
  };
}

/** A line for each change, and at the end the whole picture. */
function writtenView(session: WatchSession, scope: Scope): ObserveView {
  const { model, events } = changing(scope);
  const said = new Map<string, string>();
  const write = (subject: string, text: string, at = session.render().now): void => {
    const { colour, utcOffset } = session.render();
    session.print(
      `${palette(colour).dim(clockText(at, utcOffset))}  ${plainText(subject)}  ${plainText(text)}`,
    );
  };
  const changed = (key: string, subject: string, text: string): void => {
    if (said.get(key) !== text) write(subject, text);
    said.set(key, text);
  };
  return {
    onState: (target, parts) => {
      events.onState(target, parts);
      for (const part of parts) {
        changed(`${target} ${part.name}`, part.name, partText(part));
        for (const unit of part.units) {
          changed(`${target} ${part.name} ${unit.name}`, unit.name, unitText(unit));
        }
      }
    },
    onEvent: (target, event) => {
      events.onEvent(target, event);
      write(event.subject, eventText(event), event.at);
    },
    onLine: (target, line) => {
      events.onLine(target, line);
      write(line.subject, `| ${line.text}`);
    },
    onMissing: (target, what, why) => {
      events.onMissing(target, what, why);
      changed(what, what, `not available: ${why}`);
    },
    end: (how) => {
      if (how === undefined) return;
      session.print(`\n${whole(session, { ...model, events: [], lines: [] })}`);
      session.print(endText(how));
    },
  };
}
