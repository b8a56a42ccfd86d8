import { describe, expect, it } from "vitest";
import {
  finished,
  owned,
  requested,
  requestedAt,
  sampleFacts,
  samplePlan,
  verifiedRun,
} from "../../../test/support/sample-run.js";
import type { SystemStatus } from "../../app/system-status.js";
import type { ProofRecord } from "../../core/checkpoint/proof-record.js";
import { makeReport } from "../../core/report/report.js";
import { renderCheckpoint, renderCheckpoints, renderRetention } from "./render-checkpoints.js";
import { renderChecks } from "./render-checks.js";
import { renderFacts, renderHistory } from "./render-history.js";
import { renderRisks } from "./render-risks.js";
import { renderStatus } from "./render-status.js";

const minute = 60_000;
const day = 1440 * minute;
const options = { now: requestedAt + 5 * minute, width: 80, colour: false, utcOffset: 0 };
const proofOptions = { ...options, expireMs: 7 * day };

const checkpoint = (id: string, age: number, pinned = false) => ({
  version: 1 as const,
  id,
  system: "shop",
  environment: "production",
  change: "v2",
  at: options.now - age,
  by: "ada@node-1",
  digest: "sha256:feed",
  pinned,
  parts: {
    db: {
      driver: "sqlite",
      options: {},
      captureMs: 400,
      identity: "sha256:bb22",
      summary: "22,000 rows (sha256:bb22)",
      data: {},
      at: options.now - age,
      artifacts: [
        {
          name: "database.sqlite",
          path: "parts/db/database.sqlite",
          digest: `sha256:${"ab".repeat(32)}`,
          bytes: 41_234_567,
          encrypted: true,
        },
      ],
    },
  },
});

const proof = (age: number, result: ProofRecord["result"] = "passed"): Record<string, ProofRecord[]> => ({
  db: [
    {
      at: options.now - age,
      by: "ada@node-1",
      result,
      level: "restored",
      restoreMs: 2100,
      checks: [{ name: "rows of orders", result, expected: "12,000", actual: "12,000" }],
    },
  ],
});

const rows = [
  { checkpoint: checkpoint("cp-20261114-060344-aaaa", 8 * day), proofs: proof(8 * day) },
  { checkpoint: checkpoint("cp-20261121-060344-bbbb", day), proofs: proof(day, "failed") },
  { checkpoint: checkpoint("cp-20261122-054644-cccc", 17 * minute), proofs: {} },
  { checkpoint: checkpoint("cp-20261122-055144-dddd", 12 * minute, true), proofs: proof(10 * minute) },
];

describe("checkpoints", () => {
  it("are listed newest first with what their proofs are worth now", () => {
    expect(renderCheckpoints(rows, proofOptions)).toBe(`\
checkpoint               age        size  proof
cp-20261122-055144-dddd  12 min  41.2 MB  restored  10 min ago in 2.1 s  pinned
cp-20261122-054644-cccc  17 min  41.2 MB  unproven
cp-20261121-060344-bbbb  24 h    41.2 MB  FAILED    24 h ago in 2.1 s
cp-20261114-060344-aaaa  8 d     41.2 MB  expired   8 d ago in 2.1 s`);
  });

  it("name the command where there is none", () => {
    expect(renderCheckpoints([], proofOptions)).toContain("hint: backout checkpoint");
  });

  it("are shown with parts, artifacts and evidence", () => {
    expect(renderCheckpoint(rows[3] as (typeof rows)[number], proofOptions)).toBe(`\
cp-20261122-055144-dddd
  of      shop/production, before change v2
  taken   2026-11-22 05:51:44, 12 min ago, by ada@node-1
  size    41.2 MB in 1 part
  digest  sha256:feed
  pinned  kept whatever retention says

db  sqlite
  22,000 rows (sha256:bb22)
  restored, 10 min ago in 2.1 s
  database.sqlite  41.2 MB  encrypted  sha256:abababababab
  ✓ rows of orders: 12,000`);
  });

  it("go or stay for a reason", () => {
    const choices = [
      { id: "cp-a", remove: true, why: "older than retention keeps" },
      { id: "cp-b", remove: false, why: "pinned" },
    ];
    expect(renderRetention(choices, { ...options, dryRun: true })).toBe(
      "cp-a  would be removed  older than retention keeps\ncp-b  kept              pinned\n1 checkpoint would be removed, 1 kept",
    );
  });
});

describe("runs", () => {
  const report = (id: string, told: Parameters<typeof sampleFacts>[0]) =>
    makeReport({ run: { id, plan: samplePlan() }, facts: sampleFacts(told) });

  it("are listed newest first with their reasons", () => {
    const reports = [
      report("run-1", [
        [0, requested, "eve@x"],
        [10, owned],
        [20, finished("failed")],
      ]),
      report("run-2", verifiedRun),
    ];
    expect(renderHistory(reports, options)).toBe(`\
run    when       scenario     outcome    took  writes lost
run-2  5 min ago  bad-release  verified  6.9 s        3,511
  2026-11-22 05:58:44 by ada@node-1: 40 % of requests fail since v2
run-1  5 min ago  bad-release  failed    10 ms         none
  2026-11-22 05:58:44 by eve@x: 40 % of requests fail since v2`);
    expect(renderHistory([], options)).toBe("there has been no run yet");
  });

  it("are told fact by fact", () => {
    expect(renderFacts(sampleFacts(verifiedRun.slice(0, 3)), options)).toBe(`\
2026-11-22
05:58:44.000  run       requested by ada@node-1: 40 % of requests fail since v2
05:58:44.040  run       executed by process 4711 on node-1
05:58:44.050  db.stage  started`);
  });
});

it("checks that failed, and those that could not be measured, are two things", () => {
  const groups = [
    {
      subject: "check.health",
      checks: [{ name: "GET /health", result: "failed", expected: "200", actual: "503" }],
    },
    {
      subject: "db",
      checks: [
        { name: "rows of orders", result: "passed", expected: "12,000", actual: "12,000" },
        { name: "integrity", result: "error", message: "database is locked" },
      ],
    },
  ] as const;
  expect(renderChecks(groups, options)).toBe(`\
✗  check.health  GET /health     FAILED
    expected  200
    found     503
✓  db            rows of orders  12,000
?  db            integrity       could not measure
    database is locked

1 check failed, 1 check could not be measured and 1 check passed`);
});

describe("the status", () => {
  const status = (more: Partial<SystemStatus>): string =>
    renderStatus({ system: "shop", environment: "production", ...more }, options);

  it("says what waits for a person and how to go on", () => {
    expect(
      status({
        run: {
          id: "run-1",
          scenario: "bad-release",
          state: "stopped",
          exit: 4,
          at: requestedAt,
          steps: { done: 3, all: 8 },
          failure: { step: "db.swap", message: "changed since the plan was made", hint: "backout plan" },
        },
        checkpoint: {
          id: "cp-1",
          at: requestedAt - 12 * minute,
          change: "v2",
          parts: {
            db: { level: "restored", expired: false, failed: false },
            settings: { level: "captured", expired: true, failed: false },
          },
        },
      }),
    ).toBe(`\
shop/production
  run         stopped half-way, 3 of 8 steps done
              run-1 (bad-release), 2026-11-22 05:58:44, 5 min ago
              db.swap: changed since the plan was made
              hint: backout plan
              next: backout resume, or backout cancel
  checkpoint  17 min ago, before change v2
              cp-1
              the proof of settings has expired
              hint: backout prove cp-1`);
  });

  it("says that there is nothing to go back to", () => {
    expect(status({})).toContain(
      "checkpoint  none: there is nothing to go back to\n              hint: backout checkpoint",
    );
  });
});

describe("the risk matrix", () => {
  const matrix = {
    rows: [
      { change: "security", risk: "high", targets: ["web"], shares: [], promisedMs: 3 * minute },
      {
        change: "speed",
        risk: "medium",
        targets: ["backend", "db"],
        shares: ["memory"],
        promisedMs: 8 * minute,
      },
      { change: "memory", targets: ["backend"], shares: ["speed"] },
    ],
    unpromised: ["memory"],
    inSequenceMs: 11 * minute,
    sideBySideMs: 8 * minute,
    objectiveMs: 10 * minute,
  } as const;

  it("M21 has a line a change, and says against the objective what the promises add up to", () => {
    expect(renderRisks(matrix, options).split("\n")).toEqual([
      "change    risk      rolls back in  targets      not beside",
      "security  high      3 min          web",
      "speed     medium    8 min          backend, db  memory",
      "memory    not said  no promise     backend      speed",
      "",
      "one after the other  11 min, 1 min longer than the objective 10 min",
      "side by side         8 min, within the objective 10 min",
      "not counted: memory, without a promised time",
    ]);
  });

  it("of a playbook without changes says so", () => {
    const none = { rows: [], unpromised: [], inSequenceMs: 0, sideBySideMs: 0 };
    expect(renderRisks(none, options)).toBe("the playbook names no changes");
  });
});
