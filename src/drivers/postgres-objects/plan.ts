import prettyBytes from "pretty-bytes";
import type { PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";
import type { Found } from "./look.js";
import type { Seen } from "./observe.js";
import { type Options, type Wanted, wantedOf } from "./options.js";

/** What a step gets. */
export type Input = {
  readonly object: string;
  /** As the plan saw it: it must not have become something else by then. */
  readonly seen: string;
};

interface Work extends Wanted {
  readonly found: Omit<Found, "create">;
  readonly kept: Data["objects"][number] | undefined;
  readonly number: number;
}

const builtPerMs = 20_000;

export function plan({ captured, observed, options, intent }: PlanInput<Options, Data, Seen>): StepSpec[] {
  if (!intent.restore) return [];
  const all = workOf(options, captured?.data, observed.data);
  const made = all.filter(({ list, found }) => list === "made" && found.state !== "absent");
  const dropped = all.filter(
    ({ list, found, kept }) =>
      list === "dropped" && (found.state !== "there" || found.digest !== kept?.digest),
  );
  const wrong = [...made, ...dropped].flatMap((work) => refusals(work, made));
  if (intent.keep.length > 0)
    wrong.push(`"${intent.keep[0]}" cannot be kept: objects hold no data of their own`);
  if (wrong.length > 0) {
    throw new BackoutError("REFUSED", wrong.join("; "), {
      effect: "none",
      hint: "name what depends on it under `made` or `dropped` too; nothing is ever dropped by CASCADE",
    });
  }
  // Who has the fewest that depend on it is the outermost: dropped first, and made last.
  const removals = made.sort((a, b) => depth(a) - depth(b) || a.number - b.number).map(removal(options));
  const returns = dropped
    .sort((a, b) => (b.kept?.dependents ?? 0) - (a.kept?.dependents ?? 0) || a.number - b.number)
    .map(bringing(options));
  return chained([...removals, ...returns]);
}

function workOf(options: Options, data: Data | undefined, seen: Seen): Work[] {
  return wantedOf(options).map((wanted, number) => {
    const { shown } = wanted.object;
    const found = seen.objects.find((one) => one.object === shown);
    if (found === undefined)
      throw new BackoutError("INTERNAL", `${shown}: was not observed`, { effect: "none" });
    return { ...wanted, found, number, kept: data?.objects.find((one) => one.object === shown) };
  });
}

const depth = ({ found }: Work): number => found.dependents.length;

function refusals({ object, list, found, kept }: Work, made: readonly Work[]): string[] {
  const wrong: string[] = [];
  if (list === "dropped" && kept === undefined)
    wrong.push(`${object.shown}: the checkpoint does not have it`);
  if (found.bound !== null) wrong.push(`${object.shown}: cannot be dropped by itself, ${found.bound}`);
  const replaced = list === "made" || object.kind === "view" || object.kind === "materialized_view";
  const others = found.dependents.filter(({ id }) => !made.some((one) => one.found.id === id));
  if (replaced && found.state !== "absent" && others.length > 0) {
    wrong.push(
      `${object.shown}: ${others.map(({ name }) => name).join(", ")} depend${others.length > 1 ? "" : "s"} on it`,
    );
  }
  return wrong;
}

const sized = ({ found }: Work): string => (found.bytes === 0 ? "" : `, ${prettyBytes(found.bytes)}`);

const states = (work: Work): string =>
  ({
    absent: "does not exist",
    there: `exists${sized(work)}`,
    invalid: `exists, but is invalid${sized(work)}`,
  })[work.found.state];

const removal =
  ({ patience }: Options) =>
  (work: Work): StepSpec => {
    const { object, number, found } = work;
    const job = object.kind === "job";
    return {
      operation: `remove-${number + 1}`,
      title: `${job ? "unschedule" : "drop"} ${object.shown}${object.kind === "index" ? " concurrently" : ""}`,
      phase: "restore",
      input: { object: object.shown, seen: found.digest } satisfies Input,
      impact: { changes: [{ what: object.shown, before: states(work), after: "does not exist" }] },
      expectedMs: job ? 200 : 1_000,
      timeoutMs: patience + 60_000,
    };
  };

const bringing =
  ({ patience }: Options) =>
  (work: Work): StepSpec => {
    const { object, number, found, kept } = work;
    const before = found.state === "there" ? "made differently" : states(work);
    const expectedMs = 1_000 + Math.ceil((kept?.bytes ?? 0) / builtPerMs);
    return {
      operation: `bring-${number + 1}`,
      title: `${object.kind === "job" ? "schedule" : "make"} ${object.shown} as captured`,
      phase: "restore",
      input: { object: object.shown, seen: found.digest } satisfies Input,
      impact: { changes: [{ what: object.shown, before, after: "as captured" }] },
      expectedMs,
      timeoutMs: patience + 60_000 + 10 * expectedMs,
    };
  };

/** One after the other: DDL on the same tables would wait for each other anyway, and an order counts. */
const chained = (steps: readonly StepSpec[]): StepSpec[] =>
  steps.map((step, index) => {
    const before = steps[index - 1];
    return before === undefined ? step : { ...step, needs: [before.operation] };
  });
