import type { Json, JsonObject } from "../json.js";
import { durationText } from "../report/measures.js";
import { durationMs } from "./duration.js";
import { type RiskInput, riskMatrix } from "./risk-matrix.js";
import { entriesAt, mapAt, textAt } from "./tree.js";
import type { ProblemList } from "./where.js";

const msOf = (value: Json | undefined) => {
  const text = textAt(value);
  return text === undefined ? undefined : durationMs(text);
};

/** Promises that cannot be kept: longer than the recovery time objective, or shorter than what they allow themselves. */
export function warnOfPromises(tree: JsonObject, list: ProblemList): void {
  const objective = mapAt(tree["objectives"])["rto"];
  const rto = msOf(objective);
  for (const kind of ["changes", "scenarios"]) {
    for (const [name, entry] of entriesAt(tree[kind])) {
      const { promised, timeout } = entry;
      const promisedMs = msOf(promised);
      if (promisedMs === undefined) continue;
      if (rto !== undefined && promisedMs > rto) {
        const hint = "promise less, or raise objectives.rto";
        list.warn(
          [kind, name, "promised"],
          `${promised} is longer than the recovery time objective of ${objective}`,
          hint,
        );
      }
      const timeoutMs = msOf(timeout);
      if (timeoutMs !== undefined && timeoutMs > promisedMs) {
        const hint = "a run that takes longer than promised should be told so earlier";
        list.warn([kind, name, "timeout"], `${timeout} is longer than the ${promised} promised`, hint);
      }
    }
  }
}

/** Each promise may be kept, and all of them together not (M21). What works on the same targets is never side by side. */
export function warnOfSum(playbook: RiskInput, list: ProblemList): void {
  const { rows, unpromised, inSequenceMs, sideBySideMs, objectiveMs } = riskMatrix(playbook);
  if (objectiveMs === undefined || rows.length - unpromised.length < 2 || inSequenceMs <= objectiveMs) return;
  const beside = durationText(sideBySideMs);
  const apart =
    sideBySideMs > objectiveMs
      ? `side by side they take ${beside}, more than it too`
      : `only side by side, in ${beside}, they fit`;
  const fact = `their promised times add up to ${durationText(inSequenceMs)}, the recovery time objective is ${durationText(objectiveMs)}; ${apart}`;
  list.warn(["changes"], fact, "backout changes shows what can go back beside what", { part: "key" });
}
