import type { Judgement } from "../../app/watch-system.js";
import type { Sample } from "../../core/signal/sample.js";
import { palette } from "./colour.js";
import { clockText } from "./format.js";
import { narrowest } from "./layout.js";
import type { LiveStream } from "./live-run.js";
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
  end(): void;
}

const frameMs = 200;
const keptSamples = 60;
const keptEvents = 20;
const lowest = 10;

export async function watchView(
  session: WatchSession,
  scope: { readonly system: string; readonly environment: string },
): Promise<WatchView> {
  const { stdout, options } = session;
  if (options.json)
    return changesOnly(
      (event, judgement) => session.json(jsonEvent(event, judgement)),
      () => true,
    );
  const drawable =
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
  const { createLogUpdate } = await import("log-update");
  const { stdout } = session;
  const log = createLogUpdate(stdout);
  const samples = new Map<string, Sample[]>();
  let model: WatchModel = {
    ...scope,
    judgement: undefined,
    since: session.render().now,
    samples,
    events: [],
  };
  const draw = (): void =>
    log(watchFrame(model, { ...session.render(), height: stdout.rows ?? 24 }).join("\n"));
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
  tell: (event: WatchEvent, judgement: Judgement) => void,
  wanted: (event: WatchEvent) => boolean,
): WatchView {
  let before: Judgement | undefined;
  return {
    onSample: () => {},
    onJudgement: (judgement) => {
      for (const event of watchEvents(before, judgement)) if (wanted(event)) tell(event, judgement);
      before = judgement;
    },
    end: () => {},
  };
}

function eventLine({ at, about, text, level }: WatchEvent, { colour, utcOffset }: RenderOptions): string {
  const paint = palette(colour);
  return `${paint.dim(clockText(at, utcOffset))}  ${about.padEnd(8)}  ${levelPaint(level, paint)(text)}`;
}

const jsonEvent = (
  { at, about, text }: WatchEvent,
  { verdict, statuses, recommendation, sourceHealth }: Judgement,
) => ({
  type: `watch.${about}`,
  at,
  text,
  verdict: verdict.level,
  triggers: statuses,
  sourceHealth,
  ...(recommendation === undefined ? {} : { recommendation }),
});
