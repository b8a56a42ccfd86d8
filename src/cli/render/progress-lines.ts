import type { ProofRecord } from "../../core/checkpoint/proof-record.js";
import type { Session } from "../session.js";
import { palette } from "./colour.js";
import { durationText } from "./format.js";

/** A line for each target that is done, and on a terminal one changing line for what is under way. */
export function progressLines(session: Session) {
  const live = session.stdout.isTTY && !session.options.json;
  const { good, bad, dim } = palette(session.render().colour);
  const clear = (): void => {
    if (live) session.stdout.write("\r\u001b[2K");
  };
  const line = (target: string, mark: string, text: string, ms?: number): void => {
    if (session.options.json) return;
    clear();
    const took = ms === undefined ? "" : dim(`  ${durationText(ms)}`);
    session.print(`${mark} ${target.padEnd(14)} ${text}${took}`);
  };
  return {
    progress(target: string, text: string): void {
      if (!live) return;
      clear();
      session.stdout.write(dim(`  ${target}: ${text}`.slice(0, session.render().width - 1)));
    },
    done: (target: string, verb: string, summary: string, ms: number): void =>
      line(target, good("✓"), `${verb.padEnd(9)} ${summary}`, ms),
    proven(target: string, proof: ProofRecord): void {
      const passed = proof.result === "passed";
      const failed = proof.checks.find((check) => check.result !== "passed");
      const reason = proof.message ?? failed?.message ?? failed?.name ?? "nothing could be compared";
      const compared = `${proof.level}, ${proof.checks.length} comparison${proof.checks.length === 1 ? "" : "s"}`;
      line(
        target,
        passed ? good("✓") : bad("✗"),
        passed
          ? `proven    ${compared}`
          : `${proof.result === "failed" ? "FAILED" : "could not be proven"}: ${reason}`,
        proof.restoreMs,
      );
    },
    end: clear,
  };
}
