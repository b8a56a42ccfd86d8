import { expect, test } from "vitest";
import { owned, requested, requestedAt, sampleFacts, samplePlan } from "../../../test/support/sample-run.js";
import type { FactBody } from "../run/fact.js";
import { project } from "../run/project.js";
import { factText } from "./fact-text.js";
import { runNotices } from "./run-notices.js";

const plan = samplePlan({
  approval: { by: [{ role: "dba", people: ["ann", "bob"] }], expiresMs: 60_000 },
  escalate: [{ afterMs: 100, say: "call the lead", to: "lead" }],
});
const said: FactBody = {
  type: "timer.fired",
  timer: 0,
  say: "call the lead",
  to: "lead",
  due: 0,
  lateMs: 125_000,
};

test("an unfinished run says what it waits for, who has paused it and what was escalated", () => {
  const paused: FactBody = { type: "run.paused", reason: "look first" };
  const facts = sampleFacts([
    [0, requested, "ada@node-1"],
    [40, owned],
    [500, said],
    [600, paused, "ben@node-2"],
  ]);
  const notices = runNotices(project(plan, facts), requestedAt + 900);
  expect(notices).toEqual([
    {
      kind: "approval",
      text: "nothing moves before dba (ann, bob) has approved plan sha256:3f2a91c0; 1 min left",
      hint: "backout approve",
    },
    { kind: "paused", text: "paused by ben@node-2: look first", hint: "backout continue" },
    { kind: "escalated", text: "escalated to lead (2 min 5 s late): call the lead" },
  ]);
  const cancelled = sampleFacts([
    [0, requested],
    [40, owned],
    [50, { type: "run.finished", outcome: "cancelled" }],
  ]);
  expect(runNotices(project(plan, cancelled), requestedAt)).toEqual([]);
});

const process = { pid: 7, started: "1", host: "node-1" };

test.each<[string, FactBody]>([
  [
    "approved by ann@h as dba: seen",
    { type: "run.approved", planDigest: "", role: "dba", reason: "seen", approvedAt: 0 },
  ],
  ["continued by ann@h: fine", { type: "run.continued", reason: "fine" }],
  ["escalated: wait", { type: "timer.fired", timer: 0, say: "wait", due: 0, lateMs: 3 }],
  [
    "executed by process 7 on node-1, taken over from process 7 on node-1 as told by ann@h",
    { type: "run.owned", owner: process, fence: 2, from: { owner: process, why: "told", by: "ann@h" } },
  ],
  [
    "executed by process 7 on node-1, taken over from process 7 on node-1, which had let its lease expire",
    { type: "run.owned", owner: process, fence: 2, from: { owner: process, why: "expired" } },
  ],
  [
    "ended what the former owner had left: process 7 on node-1",
    { type: "step.reaped", step: "db.swap", attempt: 1, ended: [process], left: [] },
  ],
  [
    "told to end: another step failed",
    { type: "step.aborted", step: "db.swap", attempt: 1, why: "line-stopped" },
  ],
])("in words: %s", (text, body) => {
  expect(factText({ seq: 1, at: 0, actor: "ann@h", ...body }).text).toBe(text);
});
