import { describe, expect, it } from "vitest";
import {
  owned,
  requested,
  requestedAt,
  sampleFacts,
  samplePlan,
  verifiedRun,
} from "../../../test/support/sample-run.js";
import type { FactBody } from "../run/fact.js";
import { reportMarkdown } from "./markdown.js";
import { makeReport } from "./report.js";

type Told = readonly (readonly [number, FactBody, string?])[];

const markdownOf = (told: Told): string =>
  reportMarkdown(makeReport({ run: { id: "run-1", plan: samplePlan() }, facts: sampleFacts(told) }));

const sectionOf = (text: string, heading: string): string =>
  (text.split(`\n## ${heading}\n\n`)[1] ?? "").split("\n\n## ")[0]?.trimEnd() ?? "";

describe("the report as a document", () => {
  it("begins with what matters", () => {
    const [title, , , , outcome] = markdownOf(verifiedRun).split("\n");
    expect(title).toBe("# shop/production: rollback by bad-release");
    expect(outcome).toMatch(/^\| Outcome {14}\| rolled back and verified \(exit status 0\) +\|$/);
  });

  it("counts the data that was lost", () => {
    expect(sectionOf(markdownOf(verifiedRun), "Data lost")).toBe(
      [
        "| target | what   | inserted | updated | deleted |     | counted by                   |",
        "| ------ | ------ | -------: | ------: | ------: | --- | ---------------------------- |",
        "| db     | orders |    1,100 |     104 |       0 |     | rows compared by primary key |",
        "| db     | items  |    2,304 |       0 |       3 |     | rows compared by primary key |",
      ].join("\n"),
    );
  });

  it("shows what triggered it with its samples", () => {
    const trigger = {
      since: requestedAt - 31_000,
      verdict: "RED",
      triggers: [
        {
          trigger: "errors_high",
          for: 30_000,
          when: "error_rate > 0.05",
          samples: [{ signal: "error_rate", at: requestedAt - 500, value: 0.42 }],
        },
      ],
    };
    expect(
      sectionOf(
        markdownOf([
          [0, { ...requested, trigger } as FactBody],
          [9, owned],
        ]),
        "What triggered it",
      ),
    ).toBe(
      [
        "|         |                         |",
        "| ------- | ----------------------- |",
        "| since   | 2026-11-22 05:58:13 UTC |",
        "| verdict | RED                     |",
        "",
        "triggers:",
        "",
        "| trigger     | for  | when               |",
        "| ----------- | ---- | ------------------ |",
        "| errors_high | 30 s | error_rate \\> 0.05 |",
        "",
        "errors_high, samples:",
        "",
        "| signal     | at                      | value |",
        "| ---------- | ----------------------- | ----- |",
        "| error_rate | 2026-11-22 05:58:43 UTC | 0.42  |",
      ].join("\n"),
    );
  });

  it("shows output of programs literally", () => {
    const hostile = "```\n# heading\n<script>|`\u001B[2J";
    const told: Told = [
      [0, { ...requested, reason: hostile } as FactBody, "eve|`@x"],
      [5, owned],
      [10, { type: "step.started", step: "db.stage", attempt: 1 }],
      [
        20,
        {
          type: "step.failed",
          step: "db.stage",
          attempt: 1,
          code: "COMMAND_FAILED",
          message: hostile,
          effect: "none",
          ms: 5,
          log: [hostile],
        },
      ],
    ];
    const text = markdownOf(told);
    const outside = text.replace(/^````text\n[^]*?\n````$/m, "");
    expect(outside).not.toContain("\n# heading");
    expect(outside).not.toMatch(/(?<!\\)[<`]/);
    expect(text).toContain("````text\n``` # heading <script>|`\n````");
  });
});
