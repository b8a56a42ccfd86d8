import { describe, expect, test } from "vitest";
import { mostReported, type ProblemReport, standing } from "./problem-report.js";

const now = 10_000_000;
const report = (more: Partial<ProblemReport>): ProblemReport => ({
  id: "pr-1",
  at: now,
  by: "ana@desk",
  environment: "default",
  kind: "user",
  ...more,
});

const counted = { kinds: ["user"], over: 60_000, environment: "default" } as const;

describe("reports that stand", () => {
  test.each<[name: string, more: Partial<ProblemReport>, stands: boolean]>([
    ["a new one", {}, true],
    ["of another kind", { kind: "security" }, false],
    ["of another environment", { environment: "staging" }, false],
    ["as old as the window", { at: now - 60_000 }, false],
    ["just younger", { at: now - 59_999 }, true],
    ["by a clock that is ahead", { at: now + 5_000 }, true],
    ["withdrawn", { withdrawn: { at: now, by: "ana@desk" } }, false],
  ])("%s", (_name, more, stands) => {
    expect(standing([report(more)], counted, now)).toHaveLength(stands ? 1 : 0);
  });

  test("the same issue is that whatever blanks and capitals", () => {
    const reports = ["Login fails", " login  FAILS ", "login fails!", undefined].map((issue) =>
      report({ issue }),
    );
    expect(standing(reports, { ...counted, issue: "login fails" }, now)).toHaveLength(2);
    expect(mostReported(reports)).toEqual({ issue: "Login fails", count: 2 });
    expect(mostReported([report({})])).toBeUndefined();
  });
});
