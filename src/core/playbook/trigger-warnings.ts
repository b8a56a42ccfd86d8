import type { Json, JsonObject } from "../json.js";
import { durationText } from "../report/measures.js";
import type { CompiledTrigger, CompiledTriggers } from "../signal/compile-triggers.js";
import { type ConditionValues, conditionParts, conditionValues } from "../signal/condition-values.js";
import { responseTimes } from "../signal/severity.js";
import { mostReadings } from "../signal/signal-history.js";
import {
  both,
  either,
  isSame,
  isWithin,
  outside,
  reaches,
  type ValueSet,
  valuesText,
} from "../signal/value-set.js";
import { warnOfConstants } from "./constant-conditions.js";
import type { Playbook } from "./playbook.js";
import { mapAt } from "./tree.js";
import type { ProblemList } from "./where.js";

type File = Pick<Playbook, "signals" | "triggers">;

interface Analysed extends CompiledTrigger {
  readonly found: ConditionValues;
}

const rank = { GREEN: 0, YELLOW: 1, RED: 2 } as const;

/** What is wrong with a set of triggers that is right one by one (H77). Of conditions over one quantity each; what that leaves out is in docs/triggers.md. */
export function warnOfTriggers(
  { triggers }: CompiledTriggers,
  file: File,
  tree: JsonObject,
  list: ProblemList,
): void {
  const analysed: Analysed[] = [];
  for (const trigger of triggers) {
    warnOfTimes(trigger, file, list);
    warnOfNoDuration(trigger, mapAt(tree["triggers"])[trigger.name], list);
    const constant = warnOfConstants(trigger, file, list);
    const found = conditionValues(trigger.when);
    if (found !== undefined && !constant) analysed.push({ ...trigger, found });
  }
  for (const group of byQuantity(analysed)) {
    warnOfPairs(group, list);
    warnOfGaps(group, list);
  }
}

function warnOfTimes(
  { name, definition, when }: CompiledTrigger,
  { signals }: File,
  list: ProblemList,
): void {
  const path = ["triggers", name];
  const slowest = Math.max(...when.variables.map((signal) => signals[signal]?.every ?? 0));
  if (definition.for > 0 && definition.for < slowest) {
    const fact = `${durationText(definition.for)} is shorter than the ${durationText(slowest)} between two readings`;
    list.warn([...path, "for"], `${fact}: one reading decides`, "wait longer, or read more often");
  }
  const { severity } = definition;
  if (severity !== undefined && responseTimes[severity] === 0 && definition.for >= 300_000) {
    const fact = `${severity} asks for a response at once, and it waits ${durationText(definition.for)} before it fires`;
    list.warn([...path, "severity"], fact, "wait less, or take a severity that allows for it");
  }
  for (const { signal, window, text } of [...when.inputs]) {
    const every = signals[signal]?.every ?? 1;
    if (window / every > mostReadings) {
      const fact = `${text} looks at ${Math.round(window / every)} readings, ${mostReadings} are kept`;
      list.warn([...path, "when"], fact, `read "${signal}" less often, or let its source make the average`);
    }
    if (window > 0 && window < every) {
      const fact = `${text} is shorter than the ${durationText(every)} between two readings`;
      list.warn([...path, "when"], fact, "take a longer window");
    }
  }
}

function byQuantity(triggers: readonly Analysed[]): Analysed[][] {
  const groups = new Map<string, Analysed[]>();
  for (const one of triggers)
    groups.set(one.found.quantity, [...(groups.get(one.found.quantity) ?? []), one]);
  return [...groups.values()];
}

/** "Sustained" without a number. A state (`==`, `!=`) and an average speak for themselves, and so does `for: 0s`. */
function warnOfNoDuration(
  { name, definition, when }: CompiledTrigger,
  written: Json | undefined,
  list: ProblemList,
): void {
  if ("for" in mapAt(written) || definition.times !== undefined || definition.level === "GREEN") return;
  const limit = conditionParts(when).some(
    ({ signal, values }) => signal !== undefined && reaches(values, "up") !== reaches(values, "down"),
  );
  if (!limit) return;
  const hint = "for: 1m or times: 3; for: 0s where that is meant";
  list.warn(["triggers", name], "no duration is stated: one bad reading fires", hint, { part: "key" });
}

/** Of two levels: the lesser that says nothing which the worse does not say, or both at once where each has its own values. */
function warnOfPairs(group: readonly Analysed[], list: ProblemList): void {
  for (const worse of group) {
    for (const lesser of group) {
      if (rank[worse.definition.level] <= rank[lesser.definition.level]) continue;
      const [a, b] = [worse.found.values, lesser.found.values];
      const path = ["triggers", lesser.name, "when"];
      const { level } = worse.definition;
      if (isWithin(b, a) && lesser.definition.for >= worse.definition.for && !countsMore(worse, lesser)) {
        const same = isSame(a, b) ? "the same values" : "all its values";
        const fact = `"${worse.name}" is ${level} at ${same} and not later: this one never decides anything`;
        list.warn(path, fact, "give them different limits, or different times, or remove one");
        continue;
      }
      const shared = both(a, b);
      const nested = isWithin(a, b) || isWithin(b, a);
      if (shared.length > 0 && !nested) {
        const fact = `${valuesText(shared)} it holds together with "${worse.name}" of level ${level}`;
        list.warn(path, fact, `end it where "${worse.name}" begins`);
      }
    }
  }
}

/** `times` may make the worse one the later one. */
const countsMore = (worse: Analysed, lesser: Analysed): boolean =>
  (worse.definition.times ?? 0) > (lesser.definition.times ?? 0);

/** Values between two levels that none has, and values that nobody has a word for until long after worse ones would fire. */
function warnOfGaps(group: readonly Analysed[], list: ProblemList): void {
  if (group.length < 2) return;
  const covered = group.reduce<ValueSet>((all, { found }) => either(all, found.values), []);
  const green = group.some(({ definition }) => definition.level === "GREEN");
  const [first] = group;
  for (const gap of outside(covered)) {
    const inner = !reaches([gap], "up") && !reaches([gap], "down");
    // Without a word about what is normal, what lies between "too low" and "too high" is.
    const normal = !green && reaches(covered, "down") && reaches(covered, "up");
    if (!inner || normal || first === undefined) continue;
    const fact = `${first.found.quantity} ${valuesText([gap])} has no level: it lies between ${group.map(({ name }) => `"${name}"`).join(", ")}`;
    list.warn(["triggers", first.name, "when"], fact, "let one of them begin or end there");
  }
  for (const late of group) {
    const own = group.reduce<ValueSet>((left, { found, definition, name }) => {
      const earlier = name !== late.name && definition.for < late.definition.for;
      return earlier ? both(left, outside(found.values)) : left;
    }, late.found.values);
    const faster = group.find(
      ({ definition, found }) =>
        rank[definition.level] > rank[late.definition.level] &&
        definition.for < late.definition.for &&
        isWithin(found.values, late.found.values),
    );
    if (faster === undefined || own.length === 0) continue;
    const waits = durationText(late.definition.for);
    const fact = `${late.found.quantity} ${valuesText(own)} has no level for its first ${waits}, "${faster.name}" waits ${durationText(faster.definition.for)}`;
    list.warn(
      ["triggers", late.name, "for"],
      fact,
      "add a trigger of level GREEN without `for`, or wait less",
    );
  }
}
