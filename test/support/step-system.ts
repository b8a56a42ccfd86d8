import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { backout, jsonLines, type Place } from "./backout-process.js";

/** A system whose scenarios restart programs of one's own: for tests of how runs go. */
export interface StepSystem {
  readonly folder: string;
  readonly place: Place;
  /** A file of lines, empty where there is none yet. */
  lines(file: string): string[];
  facts(): Promise<Record<string, unknown>[]>;
  runs(): Promise<Record<string, unknown>[]>;
  status(): Promise<Record<string, unknown>>;
  remove(): void;
}

export const me = userInfo().username;

/** Appends its mark to `ticks` every 50 ms until `go` is there, then its end to `done`. */
const worker = `import { appendFileSync, existsSync } from "node:fs";
const mark = process.argv[2];
for (let round = 0; !existsSync("go"); round++) {
  appendFileSync("ticks", process.pid + "\\n");
  await new Promise((done) => setTimeout(done, 50));
}
appendFileSync("done", mark + "\\n");
`;

export interface StepPlaybook {
  /** Target: argument list of its `restart`, run by node where it begins with a script. */
  readonly targets: Readonly<
    Record<
      string,
      {
        readonly restart: readonly string[];
        readonly uses?: readonly string[];
        readonly idempotent?: boolean;
      }
    >
  >;
  readonly scenarios: Readonly<Record<string, object>>;
  readonly more?: object;
}

/** JSON is YAML. */
export function stepSystem(
  { targets, scenarios, more = {} }: StepPlaybook,
  folder = newFolder(),
): StepSystem {
  mkdirSync(folder, { recursive: true });
  const playbook = {
    backout: 1,
    system: "steps",
    targets: Object.fromEntries(
      Object.entries(targets).map(([name, { restart, uses = [], idempotent = true }]) => [
        name,
        { driver: "command", uses, with: { restart, idempotent } },
      ]),
    ),
    scenarios,
    checks: { ok: { driver: "command", with: { program: ["true"] } } },
    ...more,
  };
  writeFileSync(join(folder, "worker.mjs"), worker);
  writeFileSync(join(folder, "backout.yaml"), JSON.stringify(playbook, undefined, 1));
  const place: Place = { cwd: folder, environment: {} };
  const json = async (...args: string[]): Promise<Record<string, unknown>[]> =>
    jsonLines((await backout(place, ...args, "--json")).stdout);
  return {
    folder,
    place,
    lines(file) {
      try {
        // Whoever creates a file has not yet written to it.
        return readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean);
      } catch {
        return [];
      }
    },
    facts: () => json("history", "latest"),
    runs: () => json("history"),
    status: async () => (await json("status"))[0] ?? {},
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), "backout-steps-"));
