import { isCode } from "../../clients/kubernetes/api-error.js";
import type { DataObject } from "../../clients/kubernetes/objects.js";
import { BackoutError } from "../../core/errors.js";
import type { Json, JsonObject } from "../../core/json.js";
import { changedMeanwhile, pieceIn } from "./apply-objects.js";
import type { Chosen } from "./chosen.js";
import { nameOf, pieceDigest, pieceOf } from "./piece.js";
import type { Operation, Step } from "./step.js";
import { markFor, type Thrown, thrownIn } from "./switched.js";

type ChosenSwitch = Chosen & { readonly way: "switch" };

function switchOf({ input: { chosen } }: Step): ChosenSwitch {
  if (chosen?.way === "switch") return chosen;
  throw new BackoutError("INTERNAL", "kubernetes: the step has no switch", { effect: "none" });
}

interface Found {
  readonly map: DataObject;
  readonly state: "as wanted" | "as planned" | "other";
}

async function look({ read, input, options }: Step, { object, key, value }: ChosenSwitch): Promise<Found> {
  const map = await read.get<DataObject>("ConfigMap", nameOf(object).name);
  const thrown = thrownIn(map)[key];
  const told = options.switch?.value === undefined ? thrown === undefined : thrown?.value === value;
  if ((map.data?.[key] ?? null) === value && told) return { map, state: "as wanted" };
  const planned = pieceDigest(pieceOf("ConfigMap", map)) === input.expected[object];
  return { map, state: planned ? "as planned" : "other" };
}

/** What is known of the key afterwards: thrown, with its time; or nothing, where it is back. */
function thrownAfter({ options, context }: Step, { map }: Found, { key, value }: ChosenSwitch) {
  const { [key]: earlier, ...others } = thrownIn(map);
  const flag = options.switch;
  if (flag?.value === undefined || value === null) return others;
  const until = flag.expires === undefined ? null : context.clock.now() + flag.expires;
  const one: Thrown = { value, before: earlier?.before ?? map.data?.[key] ?? null, until };
  return { ...others, [key]: one };
}

const attempts = 5;

/** Sets the key, and notes beside it what it was and until when it may stay so. */
export const throwSwitch: Operation = {
  async apply(step) {
    const wanted = switchOf(step);
    const { input } = step;
    for (let attempt = 1; ; attempt++) {
      const found = await look(step, wanted);
      if (found.state === "as wanted")
        return { summary: `${wanted.object}: ${wanted.summary} already`, changed: false };
      if (found.state === "other") {
        const now = pieceOf("ConfigMap", found.map);
        throw changedMeanwhile(wanted.object, pieceIn(step.wanted, wanted.object), now, input.keep);
      }
      try {
        await write(step, found, wanted);
        return { summary: `${wanted.object}: ${wanted.summary}`, changed: true };
      } catch (error) {
        if (!isCode(error, "CONFLICT") || attempt >= attempts) throw error;
      }
    }
  },
  async settle(step) {
    const wanted = switchOf(step);
    const { state } = await look(step, wanted);
    const states = { "as wanted": "applied", "as planned": "not-applied", other: "unknown" } as const;
    return { state: states[state], summary: `${wanted.object} is ${state}` };
  },
};

async function write(step: Step, found: Found, wanted: ChosenSwitch): Promise<void> {
  const { map } = found;
  const { [wanted.key]: _now, ...others } = map.data ?? {};
  const data = wanted.value === null ? others : { ...others, [wanted.key]: wanted.value };
  const marks = { ...map.metadata.annotations, ...markFor(thrownAfter(step, found, wanted)) };
  const annotations = Object.fromEntries(Object.entries(marks).filter(([, value]) => value !== null));
  // The resource version in it is the precondition.
  const metadata = { ...(map.metadata as unknown as JsonObject), annotations };
  const body: Json = { ...(map as unknown as JsonObject), metadata, data };
  const path = (await step.read.needed("ConfigMap")).path(map.metadata.name);
  await step.read.api.json({ method: "PUT", path, body });
}
