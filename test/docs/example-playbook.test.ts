import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { DriverModule } from "../../src/core/driver.js";
import { resolvePlaybook, usedDrivers } from "../../src/core/playbook/parse-playbook.js";
import { readPlaybook } from "../../src/core/playbook/read-playbook.js";
import { drivers as registry } from "../../src/drivers/registry.generated.js";

const folder = fileURLToPath(new URL("../../examples/demo-app/", import.meta.url));

test("the playbook that newcomers read has nothing to complain about", async () => {
  const text = await readFile(`${folder}backout.yaml`);
  const { source, problems } = readPlaybook({ text, file: "backout.yaml" });
  expect(problems).toEqual([]);
  if (source === undefined) throw new Error("no problems, but no playbook");
  const loaders: Record<string, () => Promise<DriverModule>> = registry;
  const used = Object.values(usedDrivers(source)).flatMap((ids) => [...ids]);
  const drivers = new Map<string, DriverModule>();
  for (const id of used) drivers.set(id, await (loaders[id] as () => Promise<DriverModule>)());
  const result = await resolvePlaybook(source, {
    drivers,
    knownDrivers: Object.keys(registry),
    resolvePath: (path) => resolve(folder, path),
  });
  expect(result.problems).toEqual([]);
  expect(Object.keys(result.playbook?.scenarios ?? {})).toEqual(["code", "full"]);
});
