import type { Plan } from "../../core/plan/plan.js";
import { plainText } from "../../core/report/plain-text.js";
import type { Fact } from "../../core/run/fact.js";
import type { RunState } from "../../core/run/run-state.js";
import { factLines, nameWidthOf } from "./fact-lines.js";
import { preciseText } from "./format.js";
import { narrowest, pad } from "./layout.js";
import { liveFrame } from "./live-frame.js";
import type { LiveView } from "./live-view.js";
import { redrawn } from "./redrawn.js";
import { renderOptions, type Screen } from "./render-options.js";

export interface LiveStream extends Screen {
  write(text: string): unknown;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export interface LiveRunRequest {
  readonly plan: Plan;
  readonly stream: LiveStream & NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

/** Shows a run while it goes. After `end` the cursor is back and the last picture stays. */
export interface LiveRun {
  onFact(fact: Fact, state: RunState): void;
  onProgress(step: string, line: string): void;
  /** Something to say meanwhile. */
  note(text: string): void;
  end(state?: RunState): void;
}

const frameMs = 100;
const lowest = 8;

/** A picture that is redrawn where there is a terminal of some size, else a line for each fact. */
export async function liveRun(request: LiveRunRequest): Promise<LiveRun> {
  const { stream, environment } = request;
  const drawable =
    stream.isTTY === true &&
    environment["TERM"] !== "dumb" &&
    (stream.columns ?? 80) >= narrowest &&
    (stream.rows ?? 24) >= lowest;
  return drawable ? drawnRun(request) : writtenRun(request);
}

async function drawnRun({ plan, stream, environment, now }: LiveRunRequest): Promise<LiveRun> {
  const log = await redrawn(stream);
  const progress = new Map<string, string>();
  let view: LiveView = { plan, state: undefined, progress, since: undefined, note: undefined };
  const frame = (height: number): string =>
    liveFrame(view, { ...renderOptions(stream, environment, now()), height }).join("\n");
  const draw = (): void => log.draw(frame(stream.rows ?? 24));
  const timer = setInterval(draw, frameMs);
  timer.unref();
  let ended = false;
  draw();
  return {
    onFact: (fact, state) => {
      if (fact.type === "run.requested" && typeof fact.trigger?.["since"] === "number") {
        view = { ...view, since: fact.trigger["since"] };
      }
      if (fact.type.startsWith("step.") && "step" in fact && fact.type !== "step.aborted") {
        progress.delete(fact.step ?? "");
      }
      view = { ...view, state };
    },
    onProgress: (step, line) => void progress.set(step, line),
    note: (text) => {
      view = { ...view, note: text };
    },
    end: (state) => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      view = { ...view, note: undefined, ...(state === undefined ? {} : { state }) };
      log.clear();
      stream.write(`${frame(lastHeight(plan, stream))}\n`);
      log.done();
    },
  };
}

/** What stays may be scrolled back to, so that it has room for every step of an ordinary plan. */
const lastHeight = (plan: Plan, { rows }: Screen): number =>
  Math.max(rows ?? 24, Math.min(plan.steps.length, 60) + 8);

/** How long a step without news may go on before its progress gets a line. */
const quietMs = 10_000;

function writtenRun({ plan, stream, environment, now }: LiveRunRequest): LiveRun {
  const { colour } = renderOptions(stream, environment, now());
  const nameWidth = nameWidthOf(plan.steps.map(({ id }) => id));
  const heard = new Map<string, number>();
  const write = (lines: readonly string[]): void => void stream.write(`${lines.join("\n")}\n`);
  const say = (subject: string, text: string): void =>
    write([`${preciseText(now())}  ${pad(subject, nameWidth)}  ${plainText(text)}`]);
  return {
    onFact: (fact) => {
      if ("step" in fact) heard.set(fact.step ?? "", now());
      write(factLines(fact, { colour, nameWidth }));
    },
    onProgress: (step, line) => {
      if (now() - (heard.get(step) ?? 0) < quietMs) return;
      heard.set(step, now());
      say(step, line);
    },
    note: (text) => say("run", text),
    end: () => {},
  };
}
