import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import type { TargetDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { fileError } from "../../core/file-error.js";
import { addCommand } from "../add-command.js";

const help = {
  summary: "write a playbook from what is found in this folder",
  examples: ["backout init", "backout init --dry-run"],
};

export const addInit = (program: Command, wiring: Wiring): Command =>
  addCommand<{ dryRun?: boolean }>(program, "init", help, wiring, async ({ session, options }) => {
    const { discoverTargets, initPlaybook } = await import("../../app/init-playbook.js");
    const folder = process.cwd();
    const file = options.file ?? join(folder, "backout.yaml");
    if (!options.dryRun && (await exists(file))) {
      throw new BackoutError("REFUSED", `${file}: there is a playbook already`, {
        effect: "none",
        hint: "backout check, or backout init --dry-run to see what would be written",
      });
    }
    const drivers: TargetDriver[] = [];
    for (const id of wiring.driverNames) {
      const { target } = (await wiring.loadDriver(id)) ?? {};
      if (target?.discover !== undefined) drivers.push(target);
    }
    const found = await discoverTargets(drivers, (name) =>
      wiring.folderContext(folder, name, session.interrupt),
    );
    const encrypted = found.some(({ driver }) => driver === "env-file");
    if (options.dryRun) {
      session.print(initPlaybook(folder, found, encrypted ? "(made by backout init)" : undefined).trimEnd());
      return 0;
    }
    const key = encrypted ? await ownKey(wiring, dirname(resolve(file))) : undefined;
    const text = initPlaybook(folder, found, key?.recipient);
    await written(file, () => writeFile(file, text, { flag: "wx" }));
    if (options.json) session.json({ file, targets: found });
    else {
      for (const one of found)
        session.print(`  ${one.name.padEnd(16)} ${one.driver.padEnd(12)} ${one.because}`);
      session.print(
        `${found.length === 0 ? "Nothing was recognised; a bare playbook" : "A playbook"} was written to ${file}`,
      );
      if (key !== undefined)
        session.print("The key for its secrets is .backout/identity.age: keep a copy of it elsewhere");
      session.print(
        found.length === 0
          ? "hint: add targets, then: backout check"
          : "hint: look it over, add a check, then: backout check",
      );
    }
    return 0;
  }).option("--dry-run", "print it instead of writing it");

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The key that an earlier `init` left, or a new one, on disk before anything is encrypted for it. */
async function ownKey(wiring: Wiring, folder: string): Promise<{ readonly recipient: string }> {
  const state = join(folder, ".backout");
  const path = join(state, "identity.age");
  const text = await readFile(path, "utf8").catch(() => "");
  const present = /^AGE-SECRET-KEY-\S+$/m.exec(text)?.[0];
  if (present !== undefined) return wiring.keyPair(present);
  const key = await wiring.keyPair();
  await written(path, async () => {
    await mkdir(state, { recursive: true, mode: 0o700 });
    await writeFile(join(state, ".gitignore"), "*\n");
    await writeFile(path, `${key.identity}\n`, { flag: "wx", mode: 0o600 });
  });
  return key;
}

async function written(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw fileError(error, path, "writing");
  }
}
