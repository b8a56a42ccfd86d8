import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { badTime, lengthOf, stretchOf, timeOf } from "../stretch-options.js";

const help = {
  summary: "replay the triggers over what was recorded: what would have fired when, how often for nothing",
  examples: [
    "backout backtest --from 7d",
    "backout backtest errors slow --from 2026-11-20T00:00Z --to 2026-11-22T00:00Z",
    "backout backtest --from 24h --incident 2026-11-21T03:10Z/2026-11-21T03:40Z --near 10m --json",
    "backout backtest --from 24h --samples recorded.jsonl",
  ],
  exits: { 1: "refused, or the past could not be read; nothing changed" },
};

interface Options {
  readonly from: string;
  readonly to?: string;
  readonly near: string;
  readonly samples?: string;
  readonly incident: readonly string[];
}

const collect = (value: string, all: readonly string[]): string[] => [...all, value];

export const addBacktest = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "backtest [triggers...]", help, wiring, async (call) => {
    const { session, services, options, args } = call;
    const now = services.clock.now();
    const to = options.to === undefined ? now : timeOf("--to", options.to, now);
    if (to > now) throw badTime("--to", options.to ?? "", "has not come yet");
    const from = timeOf("--from", options.from, to);
    if (from >= to) throw badTime("--from", options.from, "is not before the end");
    const near = lengthOf("--near", options.near);
    const incidents = options.incident.map((text) => stretchOf("--incident", text));
    const { backtestTriggers } = await import("../../app/backtest-triggers.js");
    const { progressLines } = await import("../render/progress-lines.js");
    const lines = progressLines(session);
    const { samples } = options;
    try {
      const request = { from, to, near, incidents, triggers: args, samples };
      const events = { signal: session.interrupt, onProgress: lines.progress };
      const result = await backtestTriggers(services, { ...request, ...events });
      lines.end();
      if (session.options.json) session.json(result);
      else {
        const { renderBacktest } = await import("../render/render-backtest.js");
        session.print(renderBacktest(result, session.render()));
      }
    } finally {
      lines.end();
    }
    return 0;
  })
    .requiredOption(
      "--from <time>",
      "begin there: a time such as 2026-11-20T00:00Z, or so long before the end: 24h",
    )
    .option("--to <time>", "end there, or so long ago; default: now")
    .option("--near <duration>", "a firing was for nothing if nothing bad is known so near to it", "30m")
    .option(
      "--incident <from/to>",
      "when it was really bad, beside rollbacks and reported problems; may be repeated",
      collect,
      [],
    )
    .option(
      "--samples <file>",
      "recorded samples, one JSON object a line, in place of the signals' own sources",
    );
