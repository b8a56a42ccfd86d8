import type { Json, JsonObject } from "../json.js";
import { durationText } from "../report/measures.js";
import { durationMs } from "./duration.js";
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
  warnOfSum(tree, rto, list);
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

/** Each promise may be kept, and all of them together not (M21). */
function warnOfSum(tree: JsonObject, rto: number | undefined, list: ProblemList): void {
  const promises = entriesAt(tree["changes"]).flatMap(([, { promised }]) => msOf(promised) ?? []);
  const sum = promises.reduce((all, one) => all + one, 0);
  if (rto === undefined || promises.length < 2 || sum <= rto) return;
  const longest = Math.max(...promises);
  const apart = longest > rto ? "more than it too" : `only at once, in ${durationText(longest)}, they fit`;
  const fact = `their promised times add up to ${durationText(sum)}, the recovery time objective is ${durationText(rto)}; ${apart}`;
  list.warn(["changes"], fact, "roll several back by one scenario, which works on its targets at once", {
    part: "key",
  });
}
