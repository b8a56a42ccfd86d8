import type { SystemStatus } from "../../app/system-status.js";
import { palette } from "./colour.js";
import { ageText, durationText } from "./format.js";
import type { RenderOptions } from "./render-options.js";

/** Three questions: is something running, how did the last one end, what is there to go back to. */
export function renderStatus(status: SystemStatus, options: RenderOptions): string {
  const { strong } = palette(options.colour);
  return [
    strong(`${status.system} / ${status.environment}`),
    ...runLines(status.run, options),
    ...checkpointLines(status.checkpoint, options),
  ].join("\n");
}

function runLines(run: SystemStatus["run"], { colour, now }: RenderOptions): string[] {
  const { good, bad, warn } = palette(colour);
  if (run === undefined) return ["  rollback    none yet"];
  const steps = `${run.steps.done} of ${run.steps.all} steps`;
  const lines = {
    running: [
      warn(`running since ${ageText(run.at, now)}`),
      `${steps}, process ${run.owner?.pid} on ${run.owner?.host}`,
    ],
    stopped: [bad("stopped half-way"), `${steps}; backout resume, retry, skip or cancel`],
    abandoned: [bad("left by a process that ended"), `${steps}; backout resume`],
    finished: [
      run.outcome === "verified" ? good("verified") : bad(run.outcome ?? "finished"),
      `${ageText(run.endedAt ?? run.at, now)}, took ${durationText((run.endedAt ?? run.at) - run.at)}`,
    ],
  }[run.state];
  const failure =
    run.failure === undefined ? [] : [`              ${run.failure.step}: ${run.failure.message}`];
  return [`  rollback    ${lines[0]}  ${lines[1]}`, `              ${run.id} (${run.scenario})`, ...failure];
}

function checkpointLines(checkpoint: SystemStatus["checkpoint"], { colour, now }: RenderOptions): string[] {
  const { good, bad, warn } = palette(colour);
  if (checkpoint === undefined)
    return [`  checkpoint  ${bad("none: there is nothing to go back to")}`, "hint: backout checkpoint"];
  const change = checkpoint.change === undefined ? "" : `, before ${checkpoint.change}`;
  const parts = Object.entries(checkpoint.parts).map(([name, { level, expired, failed }]) => {
    const said = failed
      ? bad("failed its proof")
      : expired
        ? warn(`${level}, too long ago`)
        : level === "captured"
          ? warn("not proven")
          : good(level);
    return `              ${name.padEnd(14)} ${said}`;
  });
  return [`  checkpoint  ${checkpoint.id}  ${ageText(checkpoint.at, now)}${change}`, ...parts];
}
