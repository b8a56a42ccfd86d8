import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import {
  requested,
  requestedAt,
  sampleFacts,
  samplePlan,
  sampleStep,
  started,
  verifiedRun,
} from "../../../test/support/sample-run.js";
import type { FactBody } from "../../core/run/fact.js";
import { project } from "../../core/run/project.js";
import { liveFrame } from "./live-frame.js";
import type { LiveView } from "./live-view.js";

const plan = samplePlan();
const viewAt = (length: number, more: Partial<LiveView> = {}): LiveView => ({
  plan,
  state: project(plan, sampleFacts(verifiedRun.slice(0, length))),
  progress: new Map(),
  since: undefined,
  note: undefined,
  ...more,
});
const options = { now: requestedAt + 1500, width: 80, height: 24, colour: false, utcOffset: 0 };

describe("a run while it goes", () => {
  it("has a line for each step, and the clock", () => {
    const view = viewAt(7, { progress: new Map([["db.stage", "42 of 310 MB"]]), note: "stopping" });
    expect(liveFrame(view, options)).toEqual([
      'shop/production: rolling back by "bad-release"',
      "  ⠴ db.stage          42 of 310 MB                                        1.4 s",
      "  · app.stop          stop the workers",
      "  · db.swap           swap the database file in",
      "  ✓ release.switch    current → releases/v1                              929 ms",
      "  ✓ settings.restore  shop.env is as it was                               88 ms",
      "  · app.start         start the workers",
      "  · db.verify         compare with the checkpoint",
      "  · check.health      health",
      "",
      "2 of 8 steps done, 1 running",
      "1 s of 1 min promised, RTO 5 min: 4 min 59 s left",
      "stopping",
    ]);
  });

  it("counts the recovery time from the first bad sample", () => {
    const late = liveFrame(viewAt(7, { since: requestedAt - 310_000 }), options);
    expect(late).toContain("1 s of 1 min promised, RTO 5 min: missed by 11 s");
  });

  it.each([
    [40, 8],
    [44, 12],
    [80, 24],
    [200, 60],
  ])("fits %d columns and %d lines at any moment", (width, height) => {
    for (let length = 0; length <= verifiedRun.length; length++) {
      const lines = liveFrame(viewAt(length, { note: "a note that is long ".repeat(4) }), {
        ...options,
        width,
        height,
      });
      expect(lines.length).toBeLessThan(height);
      for (const line of lines) expect(stringWidth(line), line).toBeLessThan(width);
    }
  });

  it("shows what runs and what failed of thousands", () => {
    const steps = Array.from({ length: 2000 }, (_, index) =>
      sampleStep(`t${index}.restore`, "restore", "restore it"),
    );
    const big = samplePlan({ steps });
    const failed = (step: string, attempt: number): FactBody[] => [
      { type: "step.started", step, attempt },
      { type: "step.failed", step, attempt, code: "DENIED", message: "no permission", effect: "none", ms: 1 },
    ];
    const told = [
      requested,
      ...verifiedRun.slice(1, 2).map(([, body]) => body),
      ...[1, 2, 3].flatMap((attempt) => failed("t1500.restore", attempt)),
      started("t7.restore"),
    ];
    const state = project(big, sampleFacts(told.map((body) => [0, body])));
    const lines = liveFrame({ ...viewAt(0), plan: big, state }, options);
    expect(lines.length).toBeLessThan(24);
    expect(lines.some((line) => line.includes("✗ t1500.restore  no permission"))).toBe(true);
    expect(lines.some((line) => line.includes("t7.restore"))).toBe(true);
    expect(lines).toContain("0 of 2,000 steps done, 1 running, 1 failed");
  });

  it("says when a failed step is tried again", () => {
    const told = [
      ...verifiedRun.slice(0, 3),
      [
        60,
        {
          type: "step.failed",
          step: "db.stage",
          attempt: 1,
          code: "UNREACHABLE",
          message: "connection refused\u001B[2J",
          effect: "none",
          ms: 10,
        },
      ] as [number, FactBody],
    ];
    const state = project(plan, sampleFacts(told));
    const [, line] = liveFrame({ ...viewAt(0), state }, { ...options, now: requestedAt + 160 });
    expect(line).toMatch(/^ {2}↻ db\.stage +again in 1 s: connection refused$/);
  });
});
