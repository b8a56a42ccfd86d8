import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import type { FollowedPart, FollowedUnit } from "../../core/follow.js";
import { type ObserveModel, observeFrame } from "./observe-frame.js";

const now = Date.UTC(2026, 10, 22, 5, 46, 44);
const unit = (name: string, more: Partial<FollowedUnit> = {}): FollowedUnit => ({
  ...{ name, phase: "Running", ready: true, wanted: true, restarts: 0, since: now - 200_000 },
  ...more,
});
const api: FollowedPart = {
  ...{ name: "Deployment/api", state: "going", summary: "1 of 2 pods ready, 1 old ones left" },
  units: [
    unit("api-new-1", { cpu: { used: 0.0123, limit: 0.5 }, memory: { used: 41_200_000, limit: 64_000_000 } }),
    unit("api-new-2", { phase: "CrashLoopBackOff", ready: false, restarts: 3 }),
    unit("api-old-1", { wanted: false, memory: { used: 50_000_000 } }),
  ],
};
const model: ObserveModel = {
  ...{ system: "shop", environment: "prod", targets: new Map([["api", [api]]]) },
  events: [
    {
      at: now - 3_000,
      warning: true,
      subject: "Pod/api-new-2",
      text: "BackOff: restarting failed container",
    },
    { at: now - 2_000, warning: false, subject: "Pod/api-new-1", text: "Started: container app" },
    {
      at: now - 1_000,
      warning: true,
      subject: "Pod/api-new-2",
      text: "BackOff: restarting failed container",
    },
  ],
  lines: [{ subject: "api-new-2/app", text: "cannot\u001B[2J open\nport" }],
  missing: new Map([["resource use", "the cluster measures none"]]),
};
const frame = (height: number, width = 100, of = model): string[] =>
  observeFrame(of, { now, width, height, colour: false, utcOffset: 0 });

describe("what is followed, in one picture", () => {
  it("M26 has workloads, pods with their resource use, events with warnings first, log lines, and what is missing", () => {
    expect(frame(40, 110)).toEqual([
      "shop/prod",
      "Deployment/api  1 of 2 pods ready, 1 old ones left",
      "  api-new-1  Running, ready                           3 min  cpu 12m of 500m, memory 41.2 MB of 64 MB",
      "  api-new-2  CrashLoopBackOff, not ready  3 restarts  3 min",
      "  api-old-1  Running, ready, an old one               3 min  memory 50 MB",
      "",
      "05:46:43  Pod/api-new-2: BackOff: restarting failed container",
      "05:46:42  Pod/api-new-1: Started: container app",
      "",
      "api-new-2/app | cannot open port",
      "",
      "resource use: not available: the cluster measures none",
    ]);
  });

  it.each([
    [8, 100],
    [6, 100],
    [5, 60],
    [12, 44],
  ])("%i lines of %i columns are never exceeded, and what is not well stays", (height, width) => {
    const lines = frame(height, width);
    expect(lines.length).toBeLessThan(height);
    for (const line of lines) expect(stringWidth(line), line).toBeLessThan(width);
    expect(lines.join("\n")).toContain("api-new-2");
  });

  it("says how many pods there was no room for", () => {
    const units = Array.from({ length: 40 }, (_, n) => unit(`api-${n}`));
    const many = frame(12, 100, { ...model, targets: new Map([["api", [{ ...api, units }]]]) });
    expect(many.filter((line) => line.startsWith("  api-")).length).toBeGreaterThan(3);
    expect(many.join("\n")).toMatch(/ {2}and \d+ more/);
  });
});
