import type { Phase } from "../../src/core/driver.js";
import { estimate } from "../../src/core/plan/estimate.js";
import type { Plan, PlannedTarget, PlanStep } from "../../src/core/plan/plan.js";
import type { Fact, FactBody } from "../../src/core/run/fact.js";

/** 2026-11-22 05:58:44 UTC: when the sample run is asked for. */
export const requestedAt = Date.UTC(2026, 10, 22, 5, 58, 44);
/** Its checkpoint is twelve minutes older. */
export const capturedAt = requestedAt - 12 * 60_000;

export const sampleStep = (
  id: string,
  phase: Phase,
  title: string,
  more: Partial<PlanStep> = {},
): PlanStep => {
  const [subject = "", operation = ""] = id.split(".");
  return {
    id,
    kind: "apply",
    subject,
    driver: "command",
    operation,
    title,
    phase,
    needs: [],
    awaits: [],
    input: {},
    impact: {},
    expectedMs: 1000,
    timeoutMs: 30_000,
    retries: 2,
    onFailure: "stop",
    ...more,
  };
};

const target = (driver: string, uses: string[], from: string, to: string): PlannedTarget => ({
  driver,
  with: {},
  uses,
  restore: true,
  keep: [],
  captured: { identity: to, summary: to, data: {}, artifacts: [], at: capturedAt },
  from: { identity: from, summary: from },
  to: { identity: to, summary: to },
});

const checkPhases: Phase[] = ["fence", "preserve", "quiesce", "restore", "resume"];
const checkStep = { awaits: checkPhases, retries: 0, onFailure: "continue", expectedMs: 500 } as const;

const steps: PlanStep[] = [
  sampleStep("db.stage", "restore", "restore a copy beside the live database", {
    driver: "sqlite",
    expectedMs: 2100,
  }),
  sampleStep("app.stop", "quiesce", "stop the workers", {
    needs: ["db.stage"],
    impact: { interrupts: true },
    expectedMs: 800,
  }),
  sampleStep("db.swap", "restore", "swap the database file in", {
    driver: "sqlite",
    needs: ["db.stage", "app.stop"],
    expectedMs: 84,
    impact: {
      loses: [
        { what: "orders", inserted: 1100, updated: 104, deleted: 0, basis: "rows compared by primary key" },
        { what: "items", inserted: 2304, updated: 0, deleted: 3, basis: "rows compared by primary key" },
      ],
      changes: [
        { what: "data/shop.sqlite", before: "25,404 rows, no column orders.note", after: "22,000 rows" },
      ],
    },
  }),
  sampleStep("release.switch", "restore", "switch current to v1", {
    driver: "release-dir",
    impact: { changes: [{ what: "current", before: "releases/v2", after: "releases/v1" }] },
  }),
  sampleStep("settings.restore", "restore", "put shop.env back", {
    driver: "env-file",
    expectedMs: 100,
    impact: { changes: [{ what: "PAYMENT_URL", before: "(hidden)", after: "changed (hidden)" }] },
  }),
  sampleStep("app.start", "resume", "start the workers", {
    needs: ["db.swap", "release.switch", "settings.restore", "app.stop"],
    expectedMs: 1500,
  }),
  sampleStep("db.verify", "check", "compare with the checkpoint", {
    ...checkStep,
    kind: "verify",
    driver: "sqlite",
  }),
  sampleStep("check.health", "check", "health", {
    ...checkStep,
    kind: "check",
    subject: "health",
    driver: "http",
    expectedMs: 2500,
  }),
];

/** A small shop, broken by a bad release, brought back whole. */
export function samplePlan(more: Partial<Plan> = {}): Plan {
  const planned = more.steps ?? steps;
  return {
    version: 1,
    digest: "sha256:3f2a91c07bd4e5a6f1029384756aabbccddeeff00112233445566778899aabb",
    system: "shop",
    environment: "production",
    scenario: "bad-release",
    strategy: "restore",
    change: "v2",
    checkpoint: { id: "checkpoint-20261122-054644-x7k2", at: capturedAt },
    targets: {
      db: target("sqlite", [], "25,404 rows (sha256:aa11)", "22,000 rows (sha256:bb22)"),
      release: target("release-dir", [], "v2 (sha256:cc33)", "v1 (sha256:dd44)"),
      settings: target("env-file", [], "6 variables (sha256:ee55)", "5 variables (sha256:ff66)"),
      app: {
        driver: "command",
        with: {},
        uses: ["db"],
        restore: false,
        keep: [],
        from: { identity: "4", summary: "4 workers" },
      },
    },
    checks: { health: { driver: "http", with: {}, within: 30_000, stable: 2000 } },
    steps: planned,
    estimate: estimate(planned, 60_000),
    warnings: [
      {
        severity: "warning",
        path: "db.stage",
        message: "may take up to 120000 ms before it times out, longer than promised",
        hint: "prove the checkpoint again, or promise more",
      },
    ],
    objectives: { rto: 300_000, rpo: 900_000 },
    ...more,
  };
}

/** Numbers facts and gives each its time: milliseconds after the request. */
export function sampleFacts(bodies: readonly (readonly [number, FactBody, string?])[]): Fact[] {
  return bodies.map(([after, body, actor = "engine"], index) => ({
    seq: index + 1,
    at: requestedAt + after,
    actor,
    ...body,
  }));
}

export const requested: FactBody = {
  type: "run.requested",
  planDigest: "sha256:3f2a91c0",
  scenario: "bad-release",
  reason: "40 % of requests fail since v2",
};

export const owned: FactBody = {
  type: "run.owned",
  owner: { pid: 4711, started: "1", host: "node-1" },
  fence: 1,
};

export const started = (step: string, attempt = 1): FactBody => ({ type: "step.started", step, attempt });

export const succeeded = (step: string, ms: number, summary: string, more: object = {}): FactBody => ({
  type: "step.succeeded",
  step,
  attempt: 1,
  summary,
  changed: true,
  ms,
  ...more,
});

export const finished = (outcome: "verified" | "unverified" | "failed" | "cancelled"): FactBody => ({
  type: "run.finished",
  outcome,
});

const passed = (name: string, value: string) => ({ name, result: "passed", expected: value, actual: value });

/** Everything went well: 6.9 s. */
export const verifiedRun: readonly (readonly [number, FactBody, string?])[] = [
  [0, requested, "ada@node-1"],
  [40, owned],
  [50, started("db.stage")],
  [51, started("release.switch")],
  [52, started("settings.restore")],
  [140, succeeded("settings.restore", 88, "shop.env is as it was")],
  [980, succeeded("release.switch", 929, "current → releases/v1")],
  [2150, succeeded("db.stage", 2100, "22,000 rows restored beside")],
  [2160, started("app.stop")],
  [2960, succeeded("app.stop", 800, "4 workers stopped")],
  [2970, started("db.swap")],
  [
    3054,
    succeeded("db.swap", 84, "data/shop.sqlite replaced", { log: ["kept as data/shop.sqlite.replaced"] }),
  ],
  [3060, started("app.start")],
  [4560, succeeded("app.start", 1500, "4 workers run v1")],
  [4570, started("db.verify")],
  [4571, started("check.health")],
  [
    5000,
    succeeded("db.verify", 430, "2 passed", {
      changed: false,
      checks: [passed("rows of orders", "12,000"), passed("integrity", "ok")],
    }),
  ],
  [
    6890,
    succeeded("check.health", 2319, "1 passed", { changed: false, checks: [passed("GET /health", "200")] }),
  ],
  [6900, finished("verified")],
];
