import { basename } from "node:path";
import { Document, type YAMLMap } from "yaml";
import type { Discovered, DriverContext, TargetDriver } from "../core/driver.js";

export interface InitFound extends Discovered {
  readonly driver: string;
}

/** Asks every driver what it could bring back in this folder. */
export async function discoverTargets(
  drivers: readonly TargetDriver[],
  context: (name: string) => DriverContext,
): Promise<InitFound[]> {
  const found: InitFound[] = [];
  const names = new Set<string>();
  for (const driver of drivers) {
    for (const one of (await driver.discover?.(context(driver.id))) ?? []) {
      const name = freeName(one.name, names);
      names.add(name);
      found.push({ ...one, name, driver: driver.id });
    }
  }
  return found;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const base =
    wanted
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[^a-z]+/, "") || "target";
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
  return name;
}

/** A playbook as text: what was found, with what was seen above it, and what is left to fill in as comments. */
export function initPlaybook(
  folder: string,
  found: readonly InitFound[],
  recipient: string | undefined,
): string {
  const system =
    basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[^a-z]+/, "") || "system";
  const targets = Object.fromEntries(found.map((one) => [one.name, { driver: one.driver, with: one.with }]));
  const document = new Document({
    backout: 1,
    system,
    objectives: { rto: "5m", rpo: "1h" },
    ...(recipient === undefined
      ? {}
      : { encryption: { recipients: [recipient], identity: "${file:.backout/identity.age}" } }),
    targets,
    scenarios: { full: { restore: Object.keys(targets) } },
  });
  document.commentBefore = " How this system comes back. Next: backout check";
  const map = document.get("targets") as YAMLMap;
  for (const pair of map.items) {
    const one = found.find(({ name }) => name === String(pair.key));
    if (one !== undefined) (pair.key as { commentBefore?: string }).commentBefore = ` ${one.because}`;
  }
  return `${document.toString({ lineWidth: 100 })}${toFillIn}`;
}

const toFillIn = `
# What must hold after a rollback. Without a check no rollback ends as verified.
# checks:
#   health:
#     driver: http
#     with: { url: "http://127.0.0.1:8080/health" }
#     within: 30s

# What backout watch measures, when that is bad, and what to do then.
# signals:
#   error_rate:
#     driver: http
#     with: { url: "http://127.0.0.1:8080/", probes: 10, value: failure-ratio }
#     every: 5s
# triggers:
#   errors_high: { when: "error_rate > 0.05", for: 1m, level: RED }
# decisions:
#   - { when: errors_high, scenario: full, mode: approve }
`;
