import type { Changed } from "../core/signal/changed-definitions.js";
import type { ClockNotice } from "../core/signal/clock-notice.js";

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** What was wrong with the clock, and what that means for triggers. */
export function clockText({ kind, by }: ClockNotice): string {
  if (kind === "away")
    return `nobody watched for ${seconds(by)} before this watch began: what was not measured meanwhile does not count`;
  if (kind === "overslept")
    return `nobody judged for ${seconds(by)}: this process, or the machine, was held up`;
  const fact =
    kind === "set back"
      ? `the clock was set back by ${seconds(by)}`
      : `the clock went forward by ${seconds(by)}`;
  const slept = kind === "set back" ? "" : ", or the machine slept";
  return `${fact}${slept}; times of triggers go on as if it had not`;
}

const listed = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");

/** What an earlier watch remembered, and does not count since the playbook was changed. */
export function changedTexts({ signals, triggers }: Changed): string[] {
  const since = "since the last watch: what was remembered of";
  return [
    ...signals.map((name) => `signals.${name} was changed ${since} ${JSON.stringify(name)} is forgotten`),
    ...(triggers.length === 0
      ? []
      : [`${listed(triggers)} begins anew: the trigger, or what it measures, was changed`]),
  ];
}

/** Of a source that tells by itself. */
export const forgottenText = (name: string): string =>
  `signals.${name} was changed: what was heard before is forgotten, and it has to be told again`;
