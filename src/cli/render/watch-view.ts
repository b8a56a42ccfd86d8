import type { Judgement } from "../../app/watch-judgement.js";
import type { WatchNotice } from "../../app/watch-system.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Sample } from "../../core/signal/sample.js";
import { palette } from "./colour.js";
import { clockText } from "./format.js";
import { narrowest } from "./layout.js";
import type { LiveStream } from "./live-run.js";
import { redrawn } from "./redrawn.js";
import type { RenderOptions } from "./render-options.js";
import { levelPaint, type WatchEvent, watchEvents } from "./watch-events.js";
import { type WatchModel, watchFrame } from "./watch-frame.js";

/** The part of a session that this speaks through. */
export interface WatchSession {
  readonly options: { readonly json?: boolean | undefined };
  readonly stdout: LiveStream & NodeJS.WritableStream;
  render(): RenderOptions;
  print(text: string): void;
  json(value: unknown): void;
}

/** Shows a watch while it goes. `end` may be called more than once; afterwards nothing is shown any more. */
export interface WatchView {
  onSample(sample: Sample): void;
  onJudgement(judgement: Judgement): void;
  /** About the watch itself. */
  onNotice(notice: WatchNotice): void;
  end(): void;
}

const frameMs = 200;
const keptSamples = 60;
const keptEvents = 20;
const lowest = 10;

export async function watchView(
  session: WatchSession,
  scope: { readonly system: string; readonly environment: string },
  quiet = false,
): Promise<WatchView> {
  const { stdout, options } = session;
  if (options.json)
    return changesOnly(
      (event, judgement) => session.json(jsonEvent(event, judgement)),
      () => true,
    );
  const drawable =
    !quiet &&
    stdout.isTTY === true &&
    (stdout.columns ?? 80) >= narrowest &&
    (stdout.rows ?? 24) >= lowest &&
    process.env["TERM"] !== "dumb";
  if (drawable) return drawnWatch(session, scope);
  return changesOnly(
    (event) => session.print(eventLine(event, session.render())),
    ({ about }) => about !== "trigger",
  );
}

async function drawnWatch(
  session: WatchSession,
  scope: { readonly system: string; readonly environment: string },
): Promise<WatchView> {
  const { stdout } = session;
  const log = await redrawn(stdout);
  const samples = new Map<string, Sample[]>();
  let model: WatchModel = {
    ...scope,
    judgement: undefined,
    since: session.render().now,
    samples,
    events: [],
  };
  const draw = (): void =>
    log.draw(watchFrame(model, { ...session.render(), height: stdout.rows ?? 24 }).join("\n"));
  const timer = setInterval(draw, frameMs);
  timer.unref();
  draw();
  let ended = false;
  return {
    onSample: (sample) => {
      const all = samples.get(sample.signal) ?? [];
      samples.set(sample.signal, all);
      all.push(sample);
      if (all.length > keptSamples) all.shift();
    },
    onJudgement: (judgement) => {
      const fresh = watchEvents(model.judgement, judgement);
      const changed = model.judgement?.verdict.level !== judgement.verdict.level;
      const events = fresh.length === 0 ? model.events : [...model.events, ...fresh].slice(-keptEvents);
      model = { ...model, judgement, events, since: changed ? judgement.at : model.since };
    },
    onNotice: (notice) => {
      model = { ...model, events: [...model.events, noticeEvent(notice)].slice(-keptEvents) };
    },
    end: () => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      draw();
      log.done();
    },
  };
}

function changesOnly(
  tell: (event: WatchEvent, judgement: Judgement | undefined) => void,
  wanted: (event: WatchEvent) => boolean,
): WatchView {
  let before: Judgement | undefined;
  return {
    onSample: () => {},
    onJudgement: (judgement) => {
      for (const event of watchEvents(before, judgement)) if (wanted(event)) tell(event, judgement);
      before = judgement;
    },
    onNotice: (notice) => tell(noticeEvent(notice), before),
    end: () => {},
  };
}

const noticeEvent = ({ at, text }: WatchNotice): WatchEvent => ({
  at,
  about: "watch",
  text: plainText(text),
  level: "UNKNOWN",
});

function eventLine({ at, about, text, level }: WatchEvent, { colour, utcOffset }: RenderOptions): string {
  const paint = palette(colour);
  return `${paint.dim(clockText(at, utcOffset))}  ${about.padEnd(8)}  ${levelPaint(level, paint)(text)}`;
}

const jsonEvent = ({ at, about, text }: WatchEvent, judgement: Judgement | undefined) => ({
  type: `watch.${about}`,
  at,
  text,
  ...(judgement === undefined ? {} : jsonJudgement(judgement)),
});

const jsonJudgement = ({
  verdict,
  statuses,
  sourceHealth,
  recommendation,
  incident,
  decision,
}: Judgement) => ({
  verdict: verdict.level,
  triggers: statuses,
  sourceHealth,
  path: decision.path,
  ...(incident === undefined ? {} : { incident }),
  ...(recommendation === undefined ? {} : { recommendation }),
});
