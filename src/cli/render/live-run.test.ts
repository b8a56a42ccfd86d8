import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { requestedAt, sampleFacts, samplePlan, verifiedRun } from "../../../test/support/sample-run.js";
import { advance } from "../../core/run/project.js";
import { initialState } from "../../core/run/run-state.js";
import { preciseText } from "./format.js";
import { liveRun } from "./live-run.js";

class Recorder extends Writable {
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly rows = 24;
  text = "";

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

async function shown(stream: Recorder, length = verifiedRun.length): Promise<string> {
  const plan = samplePlan();
  let now = requestedAt;
  const live = await liveRun({ plan, stream, environment: { NO_COLOR: "1" }, now: () => now });
  const state = initialState(plan);
  for (const fact of sampleFacts(verifiedRun.slice(0, length))) {
    now = fact.at;
    advance(state, fact);
    live.onFact(fact, state);
    live.onProgress("db.stage", "42 of 310 MB");
  }
  live.note("stopping");
  live.end(state);
  live.end(state);
  return stream.text;
}

describe("a run that is shown", () => {
  it("is a line for each fact where there is no terminal", async () => {
    const text = await shown(new Recorder(false), 6);
    const time = (after: number): string => preciseText(requestedAt + after);
    expect(text).toBe(
      [
        `${time(0)}  run               requested by ada@node-1: 40 % of requests fail since v2`,
        `${time(0)}  db.stage          42 of 310 MB`,
        `${time(40)}  run               executed by process 4711 on node-1`,
        `${time(50)}  db.stage          started`,
        `${time(51)}  release.switch    started`,
        `${time(52)}  settings.restore  started`,
        `${time(140)}  settings.restore  done in 88 ms: shop.env is as it was`,
        `${time(140)}  run               stopping`,
        "",
      ].join("\n"),
    );
  });

  it("leaves its last picture, once, on a terminal", async () => {
    const text = await shown(new Recorder(true));
    const last = text.slice(text.lastIndexOf("shop/production"));
    expect(last.match(/✓/g)).toHaveLength(8);
    expect(text.match(/8 of 8 steps done/g)).toHaveLength(1);
    expect(last).not.toContain("stopping");
    expect(last.endsWith("left\n")).toBe(true);
  });
});
