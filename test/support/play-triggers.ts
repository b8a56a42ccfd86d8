import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DriverModule } from "../../src/core/driver.js";
import { resolvePlaybook, usedDrivers } from "../../src/core/playbook/parse-playbook.js";
import type { Playbook } from "../../src/core/playbook/playbook.js";
import { readPlaybook } from "../../src/core/playbook/read-playbook.js";
import type { Sample } from "../../src/core/signal/sample.js";
import { triggerJudge } from "../../src/core/signal/trigger-judge.js";
import { drivers as registry } from "../../src/drivers/registry.generated.js";

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));
const head = "backout: 1\nsystem: example\n";
const target = "targets: { app: { driver: git, with: { path: app } } }\n";

/** A fragment of examples/triggers as part of a playbook; throws where anything is wrong with it, a warning too. */
export const examplePlaybook = (file: string): Promise<Playbook> => playbookOf(target, [`triggers/${file}`]);

/** Fragments of examples that are a playbook together; warnings may be among those that are `known`. */
export async function playbookOf(
  first: string,
  files: readonly string[],
  known: readonly string[] = [],
): Promise<Playbook> {
  const text = head + first + files.map((file) => readFileSync(`${folder}${file}`, "utf8")).join("\n");
  const { source, problems } = readPlaybook({ text, file: files.at(-1) ?? "" });
  if (source === undefined) throw new Error(JSON.stringify(problems));
  const loaders: Record<string, () => Promise<DriverModule>> = registry;
  const used = Object.values(usedDrivers(source)).flatMap((ids) => [...ids]);
  const drivers = new Map<string, DriverModule>();
  for (const id of used) drivers.set(id, await (loaders[id] as () => Promise<DriverModule>)());
  const result = await resolvePlaybook(source, {
    drivers,
    knownDrivers: Object.keys(registry),
    resolvePath: (path) => `${folder}${path}`,
  });
  const others = result.problems.filter(
    ({ severity, path }) => severity === "error" || !known.includes(path),
  );
  if (result.playbook === undefined || others.length > 0) throw new Error(JSON.stringify(others, null, 1));
  return result.playbook;
}

/** Signal → its readings from second 0 on, one at each of its intervals: `0.02x8 0.6x8`, `_` for none, `!` for a failed one. */
export type Readings = Readonly<Record<string, string>>;

/** The second at which the trigger first fires; nothing where it does not within all readings and a moment more. */
export function firesAt(
  { signals, triggers }: Playbook,
  name: string,
  readings: Readings,
  baselines: Readonly<Record<string, number>> = {},
): number | undefined {
  const trigger = triggers[name];
  if (trigger === undefined) throw new Error(`there is no trigger "${name}"`);
  const samples = Object.entries(readings).flatMap(([signal, text]) => samplesOf(signals, signal, text));
  const end = Math.max(...samples.map(({ at }) => at));
  let fired: number | undefined;
  const judge = triggerJudge({ signals, triggers: { [name]: trigger } }, undefined, {
    baselines,
    onMove: (_, __, { phase }, at) => {
      if (phase === "firing") fired ??= at / 1_000;
    },
  });
  judge.judge(
    samples.toSorted((a, b) => a.at - b.at),
    { now: end },
  );
  return fired;
}

function samplesOf(signals: Playbook["signals"], signal: string, text: string): Sample[] {
  const every = signals[signal]?.every;
  if (every === undefined) throw new Error(`there is no signal "${signal}"`);
  const all = text.split(" ").flatMap((word) => {
    const [value = "", count = "1"] = word.split("x");
    return Array.from({ length: Number(count) }, () => value);
  });
  return all.flatMap((value, index): Sample[] => {
    const at = index * every;
    if (value === "_") return [];
    return [value === "!" ? { signal, at, error: "refused" } : { signal, at, value: Number(value) }];
  });
}
