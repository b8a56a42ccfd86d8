import { BackoutError } from "../core/errors.js";
import type { Json } from "../core/json.js";
import type { Playbook, ScenarioDefinition, TargetDefinition } from "../core/playbook/playbook.js";
import { scenarioName } from "./plan-rollback.js";
import type { Services } from "./services.js";

/** Each `TARGET=WHERE`. */
export interface ByHand {
  readonly toRevision: readonly string[];
  readonly toImage: readonly string[];
}

const usage = (message: string, hint: string): BackoutError =>
  new BackoutError("USAGE", message, { effect: "none", hint });

/**
 * The same playbook with one scenario more: the one that was named, except that some of its targets go where a person says
 * in place of where the checkpoint says. Its approval, checks and limits hold.
 */
export async function chooseByHand<Given extends Services>(
  services: Given,
  wanted: string | undefined,
  by: ByHand,
): Promise<{ services: Given; scenario: string }> {
  const { playbook } = services;
  const name = scenarioName(services, { scenario: wanted });
  const scenario = playbook.scenarios[name] as ScenarioDefinition;
  const places = placesOf(by);
  const targets: Record<string, TargetDefinition> = {};
  for (const [target, to] of Object.entries(places)) {
    refuseStranger(target, name, scenario, playbook);
    targets[target] = await leading(services, target, to);
  }
  const chosen = Object.keys(places);
  const others = (names: readonly string[]) => names.filter((one) => !chosen.includes(one));
  const title = `${name} (${[...by.toRevision, ...by.toImage].join(", ")})`;
  const own: ScenarioDefinition = {
    ...scenario,
    restore: others(scenario.restore),
    restart: [...others(scenario.restart), ...chosen],
  };
  const changed: Playbook = {
    ...playbook,
    targets: { ...playbook.targets, ...targets },
    scenarios: { ...playbook.scenarios, [title]: own },
  };
  return { services: { ...services, playbook: changed }, scenario: title };
}

/** Target → what its driver takes as `to`. */
function placesOf({ toRevision, toImage }: ByHand): Record<string, Json> {
  const places: Record<string, Json> = {};
  const add = (option: string, text: string, place: (where: string, container: string) => Json): void => {
    const [, target = "", container = "", where = ""] = /^([^=/]+)(?:\/([^=]+))?=(.+)$/.exec(text) ?? [];
    if (target === "") throw usage(`${option}: "${text}" is no target and place`, `${option} api=…`);
    const to = place(where, container);
    const earlier = places[target];
    const both = earlier !== undefined && container !== "" && typeof earlier === "object";
    if (earlier !== undefined && !both)
      throw usage(`${option}: "${target}" is named twice`, "say one place for each");
    places[target] = both ? merged(earlier, to) : to;
  };
  for (const text of toRevision) {
    add("--to-revision", text, (where) => {
      const revision = /^\d{1,9}$/.test(where) ? Number(where) : undefined;
      if (revision === undefined)
        throw usage(`--to-revision: "${text}" has no number`, "`backout versions` lists them");
      return { revision };
    });
  }
  for (const text of toImage) {
    add("--to-image", text, (where, container) =>
      container === "" ? { image: where } : { images: { [container]: where } },
    );
  }
  return places;
}

function merged(earlier: Json, to: Json): Json {
  const images = (value: Json) => (value as { readonly images?: Readonly<Record<string, string>> }).images;
  return { images: { ...images(earlier), ...images(to) } };
}

function refuseStranger(
  target: string,
  name: string,
  { restore, restart }: ScenarioDefinition,
  { targets }: Playbook,
): void {
  if (targets[target] === undefined) {
    throw new BackoutError("NOT_FOUND", `there is no target "${target}"`, {
      ...{ effect: "none", hint: `known: ${Object.keys(targets).join(", ")}` },
    });
  }
  const own = [...restore, ...restart];
  if (own.includes(target)) return;
  throw usage(`${target}: is not part of scenario "${name}"`, `it is made of ${own.join(", ")}`);
}

async function leading({ playbook, drivers }: Services, name: string, to: Json): Promise<TargetDefinition> {
  const definition = playbook.targets[name] as TargetDefinition;
  const changed = { ...definition, with: { ...definition.with, to } };
  const driver = await drivers.target(definition.driver);
  const parsed = driver.options.safeParse(changed.with);
  if (parsed.success) return changed;
  const why = parsed.error.issues.map(({ message }) => message).join("; ");
  throw usage(`${name}: cannot be sent to a place by hand: ${why}`, "`backout versions` shows what there is");
}
