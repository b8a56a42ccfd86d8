import type { Baselines } from "../../app/baselines.js";
import type { ProofRecord } from "../../core/checkpoint/proof-record.js";
import { plainText } from "../../core/report/plain-text.js";
import { palette } from "./colour.js";
import { durationText } from "./format.js";
import { hanging, truncate } from "./layout.js";
import type { RenderOptions, Screen } from "./render-options.js";
import { valueText } from "./sparkline.js";

/** The part of a session that this speaks through. */
export interface ProgressSession {
  readonly options: { readonly json?: boolean | undefined };
  readonly stdout: Screen & { write(text: string): unknown };
  render(): RenderOptions;
  print(text: string): void;
}

export interface ProgressLines {
  progress(target: string, line: string): void;
  done(target: string, word: string, summary: string, ms: number): void;
  /** What somebody has to know about what was just said. */
  note(target: string, text: string): void;
  proven(target: string, proof: ProofRecord): void;
  baselines(read: Baselines): void;
  end(): void;
}

const eraseLine = "\r\u001B[2K";
const atMostEvery = 100;

/** A line for each target that is done and, on a terminal, one that says what is being done. Silent with `--json`. */
export function progressLines(session: ProgressSession): ProgressLines {
  const { stdout, options } = session;
  const drawn = stdout.isTTY === true && !options.json;
  let shown = false;
  let last = 0;
  const erase = (): void => {
    if (shown) stdout.write(eraseLine);
    shown = false;
  };
  const say = (symbol: "good" | "bad" | "warn" | "dim", target: string, text: string): void => {
    if (options.json) return;
    erase();
    const { width, colour } = session.render();
    const mark = { good: "✓", bad: "✗", warn: "?", dim: "·" }[symbol];
    session.print(
      hanging(`${mark} `, plainText(`${target}: ${text}`), width, { label: palette(colour)[symbol] }).join(
        "\n",
      ),
    );
  };
  return {
    progress: (target, line) => {
      const { now, width, colour } = session.render();
      if (!drawn || now - last < atMostEvery) return;
      last = now;
      shown = true;
      stdout.write(
        `${eraseLine}${palette(colour).dim(`  ${truncate(plainText(`${target}: ${line}`), width - 3)}`)}`,
      );
    },
    done: (target, word, summary, ms) => say("good", target, `${word} in ${durationText(ms)}: ${summary}`),
    note: (target, text) => say("warn", target, text),
    proven: (target, proof) => {
      const bad = proof.checks.find(({ result }) => result !== "passed");
      const took = proof.restoreMs === undefined ? "" : `, restored in ${durationText(proof.restoreMs)}`;
      const why =
        proof.message ?? (bad === undefined ? "" : `${bad.name}: ${bad.message ?? bad.actual ?? bad.result}`);
      if (proof.result === "passed") say("good", target, `proven to the level "${proof.level}"${took}`);
      else if (proof.result === "failed") say("bad", target, `did not prove to restore: ${why}`);
      else say("warn", target, `could not be proven: ${why}`);
      for (const one of proof.unknown ?? []) say("warn", target, `not known: ${one}`);
      for (const one of proof.notes ?? []) say("dim", target, one);
    },
    baselines: ({ values, missing }) => {
      for (const [signal, value] of Object.entries(values))
        say("good", signal, `baseline ${valueText(value)}`);
      for (const { signal, reason } of missing)
        say("warn", signal, `has no baseline, triggers that compare with it cannot be judged: ${reason}`);
    },
    end: erase,
  };
}
