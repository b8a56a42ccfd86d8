import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { requestedAt, samplePlan, sampleStep } from "../../../test/support/sample-run.js";
import { renderPlan } from "./render-plan.js";

const options = { now: requestedAt, width: 80, colour: false, utcOffset: 0 };

describe("a plan on a terminal", () => {
  it("shows every step with what it will change", () => {
    expect(renderPlan(samplePlan(), options)).toBe(`\
shop/production: roll back by "bad-release"
  what  db, release and settings back as of 12 min ago (05:46:44); app restarted
  time  about 7 s, down for 2.4 s, fits 1 min promised, fits RTO 5 min
  lost  3,404 inserted, 104 updated and 3 deleted since 05:46:44 in orders and
        items
  undo  every step can be taken back
  plan  sha256:3f2a91c07bd4, 8 steps, from checkpoint-20261122-054644-x7k2

quiesce
  app.stop          stop the workers                         800 ms
    service is down from here
restore
  db.stage          restore a copy beside the live database   2.1 s
    before anything is stopped
  db.swap           swap the database file in                 84 ms
    data/shop.sqlite: 25,404 rows, no column orders.note → 22,000 rows
  release.switch    switch current to v1                        1 s
    current: releases/v2 → releases/v1
  settings.restore  put shop.env back                        100 ms
    PAYMENT_URL: (hidden) → changed (hidden)
resume
  app.start         start the workers                         1.5 s
check
  db.verify         compare with the checkpoint              500 ms
  check.health      health                                    2.5 s

data written since then, which would be lost
          inserted  updated  deleted
  orders     1,100      104        0
  items      2,304        0        3
  counted: rows compared by primary key

  warning: db.stage: may take up to 120000 ms before it times out, longer than
  promised
    hint: prove the checkpoint again, or promise more`);
  });

  it("says in its first five lines what happens, how long it takes and what is lost", () => {
    const first = renderPlan(samplePlan(), options).split("\n").slice(0, 5).join("\n");
    for (const word of ["db, release and settings back", "about 7 s", "down for 2.4 s", "3,404 inserted"]) {
      expect(first).toContain(word);
    }
  });

  it.each([40, 50, 80, 120])("is readable in %d columns", (width) => {
    const lines = renderPlan(samplePlan(), { ...options, width }).split("\n");
    for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(width);
    expect(lines.join(" ").replace(/ +/g, " ")).toContain("restore a copy beside the live database");
  });

  it("says what does not fit, what cannot be taken back and what opens a door", () => {
    const impact = { irreversible: "the old rows are dropped", security: "rate limits are cleared" };
    const text = renderPlan(
      samplePlan({
        steps: [sampleStep("db.drop", "restore", "drop the old rows", { impact })],
        objectives: { rto: 5000 },
        estimate: { durationMs: 9000, criticalPath: [], downtimeMs: 0, promisedMs: 10_000 },
      }),
      options,
    );
    expect(text).toContain("about 9 s, no downtime, fits 10 s promised, does not fit RTO 5 s");
    expect(text).toContain("undo  1 step cannot be taken back");
    expect(text).toContain(
      "    cannot be taken back: the old rows are dropped\n    security: rate limits are cleared",
    );
  });

  it("says so when there is nothing to do", () => {
    const checks = samplePlan().steps.slice(-2);
    expect(renderPlan(samplePlan({ steps: checks, warnings: [] }), options)).toBe(
      "shop/production: nothing to bring back, everything is as in checkpoint\ncheckpoint-20261122-054644-x7k2\n  2 checks would be run, nothing would be changed",
    );
  });

  it("sums up ten thousand steps, but not what must not be overlooked", () => {
    const steps = Array.from({ length: 10_000 }, (_, index) =>
      sampleStep(
        `t${index}.restore`,
        "restore",
        "restore it",
        index === 5 ? { impact: { irreversible: "gone" } } : {},
      ),
    );
    const text = renderPlan(samplePlan({ steps, warnings: [] }), options);
    expect(text.split("\n").length).toBeLessThan(20);
    expect(text).toContain("restore  10,000 steps  10,000 targets  longest t0.restore, 1 s");
    expect(text).toContain("t5.restore cannot be taken back: gone");
    expect(text).toContain("--all");
    expect(renderPlan(samplePlan({ steps }), { ...options, all: true }).split("\n").length).toBeGreaterThan(
      10_000,
    );
  });

  it("lets no value move the cursor or begin a line", () => {
    const title = "swap\u001B[2J\u001B]0;owned\u0007\nshop/production: nothing is lost";
    const change = { what: "a\u0008", before: "b\r", after: "\u001B[31mc" };
    const text = renderPlan(
      samplePlan({ steps: [sampleStep("db.swap", "restore", title, { impact: { changes: [change] } })] }),
      options,
    );
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(text.match(/^shop\/production/gm)).toHaveLength(1);
  });
});
