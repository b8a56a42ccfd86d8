import type { SystemStatus } from "../../app/system-status.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Paint, type Palette, palette } from "./colour.js";
import { ageText, durationText, listText, localText } from "./format.js";
import { hanging } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { hintLines } from "./render-problems.js";

/** Is a rollback running or waiting, how did the last one end, what is there to go back to. */
export function renderStatus(status: SystemStatus, options: RenderOptions): string {
  const paint = palette(options.colour);
  return [
    paint.strong(plainText(`${status.system}/${status.environment}`)),
    ...runLines(status.run, options, paint),
    ...checkpointLines(status, options, paint),
  ].join("\n");
}

function runLines(run: SystemStatus["run"], options: RenderOptions, paint: Palette): string[] {
  const { width, now } = options;
  if (run === undefined)
    return hanging("  run         ", "there has been none yet", width, { label: paint.dim });
  const { text, colour, hint } = describe(run, options, paint);
  const about = `${run.id} (${run.scenario}), ${localText(run.at, options.utcOffset)}, ${ageText(run.at, now)}`;
  return [
    ...hanging("  run         ", text, width, { label: paint.dim, text: colour }),
    ...hanging("              ", plainText(about), width, { text: paint.dim }),
    ...(run.failure === undefined
      ? []
      : [
          ...hanging("              ", plainText(`${run.failure.step}: ${run.failure.message}`), width, {
            text: paint.bad,
          }),
          ...(run.failure.hint === undefined ? [] : hintLines(run.failure.hint, width, 14)),
        ]),
    ...(run.notices ?? []).flatMap((notice) => [
      ...hanging("              ", plainText(notice.text), width, { text: paint.warn }),
      ...(notice.hint === undefined ? [] : hintLines(notice.hint, width, 14)),
    ]),
    ...(hint === undefined ? [] : hanging("              next: ", hint, width)),
  ];
}

function describe(
  run: NonNullable<SystemStatus["run"]>,
  { now }: RenderOptions,
  paint: Palette,
): { text: string; colour: Paint; hint?: string } {
  const steps = `${run.steps.done} of ${run.steps.all} steps done`;
  const owner = run.owner === undefined ? "" : `, by process ${run.owner.pid} on ${run.owner.host}`;
  switch (run.state) {
    case "running":
      return { text: `running for ${durationText(now - run.at)}, ${steps}${owner}`, colour: paint.accent };
    case "queued":
      return {
        text: `queued: waits for a controller, ${steps}`,
        colour: paint.warn,
        hint: "backout controller starts one; backout cancel",
      };
    case "stopped":
      return {
        text: `stopped half-way, ${steps}`,
        colour: paint.bad,
        hint: "backout resume, or backout cancel",
      };
    case "abandoned":
      return {
        text: `left unfinished by a process that is gone, ${steps}`,
        colour: paint.bad,
        hint: "backout resume goes on from there",
      };
    case "finished": {
      const took = run.endedAt === undefined ? "" : `, after ${durationText(run.endedAt - run.at)}`;
      const good = run.outcome === "verified";
      return {
        text: `none in progress; the last one ended ${run.outcome ?? ""}${took}`,
        colour: good ? paint.good : paint.warn,
      };
    }
  }
}

function checkpointLines(
  { checkpoint, damaged = [] }: SystemStatus,
  options: RenderOptions,
  paint: Palette,
): string[] {
  const label = "  checkpoint  ";
  const cannot =
    damaged.length === 0 ? undefined : `${listText(damaged)} ${damaged.length === 1 ? "is" : "are"} damaged`;
  if (checkpoint === undefined) {
    const text = `none${cannot === undefined ? "" : ` that can be read, ${cannot}`}: there is nothing to go back to`;
    return [
      ...hanging(label, plainText(text), options.width, { label: paint.dim, text: paint.bad }),
      ...hintLines(cannot === undefined ? "backout checkpoint" : "backout checkpoints", options.width, 14),
    ];
  }
  const parts = Object.entries(checkpoint.parts);
  const named = (wanted: (part: (typeof parts)[number][1]) => boolean): string[] =>
    parts.filter(([, part]) => wanted(part)).map(([name]) => name);
  const failed = named((part) => part.failed);
  const expired = named((part) => !part.failed && part.expired);
  const unproven = named((part) => !part.failed && !part.expired && part.level === "captured");
  const doubts = [
    ...(failed.length > 0 ? [`${listText(failed)} failed to restore`] : []),
    ...(expired.length > 0 ? [`the proof of ${listText(expired)} has expired`] : []),
    ...(unproven.length > 0 ? [`${listText(unproven)} not proven`] : []),
  ];
  const change = checkpoint.change === undefined ? "" : `, before change ${checkpoint.change}`;
  const colour = failed.length > 0 ? paint.bad : doubts.length > 0 ? paint.warn : paint.good;
  const state = doubts.length === 0 ? `proven: ${listText(parts.map(([name]) => name))}` : doubts.join("; ");
  return [
    ...hanging(label, plainText(`${ageText(checkpoint.at, options.now)}${change}`), options.width, {
      label: paint.dim,
    }),
    ...hanging("              ", checkpoint.id, options.width, { text: paint.dim }),
    ...hanging("              ", plainText(state), options.width, { text: colour }),
    ...(doubts.length === 0 ? [] : hintLines(`backout prove ${checkpoint.id}`, options.width, 14)),
    ...(cannot === undefined
      ? []
      : [
          ...hanging("              ", plainText(cannot), options.width, { text: paint.bad }),
          ...hintLines("backout checkpoints", options.width, 14),
        ]),
  ];
}
