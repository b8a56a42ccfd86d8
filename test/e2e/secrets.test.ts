import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backout, type Place } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;
let place: Place;

beforeAll(async () => {
  system = await smallSystem();
  place = { cwd: system.folder, environment: system.environment };
});

afterAll(() => system.remove());

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("H73 no secret is in any output, journal, checkpoint or report, not even of a failing step that prints it", async () => {
  const said: string[] = [];
  const run = async (...args: string[]): Promise<void> => {
    for (const more of [[], ["--json"]]) {
      const { status, stdout, stderr } = await backout(place, ...args, ...more);
      said.push(stdout, stderr);
      expect([0, 1, 3, 4], args.join(" ")).toContain(status);
    }
  };
  await run("check");
  await run("checkpoint");
  await run("checkpoints", "show", "latest");
  await run("prove");
  system.deploy();
  await run("plan", "full");
  await run("verify", "--checkpoint", "latest");
  system.write("fail-start", "");
  await run("rollback", "full", "--yes");
  await run("status");
  await run("retry", "app.start");
  await run("skip", "app.start", "--reason", "by hand");
  await run("history");
  await run("history", "latest");
  await run("report");
  await run("report", "--output", "incident.md");
  await run("versions");

  const secrets = Object.values(system.secrets);
  const hidden = said.filter((text) => text.includes("cannot start with token ***"));
  expect(hidden.length).toBeGreaterThan(0);
  for (const text of said) for (const secret of secrets) expect(text).not.toContain(secret);
  const files = [...filesBelow(system.path(".backout")), system.path("incident.md")];
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const bytes = readFileSync(file);
    for (const secret of secrets) expect(bytes.includes(secret), `${file} has "${secret}"`).toBe(false);
  }
});
