import type { ClockNotice } from "../core/signal/clock-notice.js";

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** What was wrong with the clock, and what that means for triggers. */
export function clockText({ kind, by }: ClockNotice): string {
  if (kind === "overslept")
    return `nobody judged for ${seconds(by)}: this process, or the machine, was held up`;
  const fact =
    kind === "set back"
      ? `the clock was set back by ${seconds(by)}`
      : `the clock went forward by ${seconds(by)}`;
  const slept = kind === "set back" ? "" : ", or the machine slept";
  return `${fact}${slept}; times of triggers go on as if it had not`;
}
