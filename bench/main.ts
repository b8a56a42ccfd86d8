import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Figure } from "./figure.js";

/** Each area is measured in a process of its own, so that memory and warmth of one do not colour the next. */
const areas = {
  start: async () => (await import("./areas/start.js")).starting(),
  demo: async () => (await import("./areas/demo.js")).demonstrating(),
  plan: async () => (await import("./areas/plan.js")).planning(),
  run: async () => (await import("./areas/run.js")).running(),
  check: async () => (await import("./areas/check.js")).checking(),
  "postgres-capture": async (args) => (await import("./areas/postgres-capture.js")).capturing(args),
  kubernetes: async (more: readonly string[]) => (await import("./areas/kubernetes.js")).rollingBack(more),
  redis: async () => (await import("./areas/redis.js")).flushing(),
  judging: async () => (await import("./areas/judging-reaction.js")).reaction(),
  triggers: async () => (await import("./areas/triggers.js")).judging(),
  backtest: async () => (await import("./areas/backtest.js")).backtesting(),
  dbos: async () => (await import("./areas/dbos.js")).overDbos(),
  "postgres-restore": async (more: readonly string[]) =>
    (await import("./areas/postgres-restore.js")).restoring(more),
} as const satisfies Record<string, (more: readonly string[]) => Promise<Figure[]>>;

type Area = keyof typeof areas;

const isArea = (name: string): name is Area => Object.hasOwn(areas, name);

function show(figures: readonly Figure[], json: boolean): void {
  for (const one of figures) {
    if (json) console.log(JSON.stringify(one));
    else {
      const mark = one.holds === undefined ? "     " : one.holds ? "ok   " : "FAILS";
      const value = `${one.value} ${one.unit}`.padStart(14);
      console.log(
        `${mark} ${one.area.padEnd(6)} ${one.figure.padEnd(28)} ${value}  ${(one.bound ?? "").padEnd(8)} ${one.against}`,
      );
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const [only, ...more] = args.filter((arg) => !arg.startsWith("-"));
  if (only !== undefined && !isArea(only)) {
    console.error(`bench: there is no area "${only}"\nhint: ${Object.keys(areas).join(", ")}`);
    return 2;
  }
  if (only !== undefined) {
    const figures = await areas[only](more);
    show(figures, json);
    return figures.some(({ holds }) => holds === false) ? 1 : 0;
  }
  let worst = 0;
  for (const area of Object.keys(areas)) {
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), area, ...args], {
      stdio: "inherit",
    });
    worst = Math.max(worst, status ?? 1);
  }
  return worst;
}

process.exitCode = await main(process.argv.slice(2));
