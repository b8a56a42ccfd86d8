import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Scope } from "./scope.js";
import { createDatabase } from "./shop-database.js";

export interface System {
  readonly root: string;
  readonly port: number;
  readonly database: string;
  readonly front: ChildProcess;
}

const sqlite = "@photostructure/sqlite";

/** Writes the shop into the folder: the application, its settings, its database, release v1 as current. */
export function buildSystem(example: string, root: string): string {
  cpSync(example, root, { recursive: true });
  mkdirSync(join(root, "node_modules", dirname(sqlite)), { recursive: true });
  const library = dirname(createRequire(import.meta.url).resolve(`${sqlite}/package.json`));
  symlinkSync(library, join(root, "node_modules", sqlite), "dir");
  symlinkSync(join("releases", "v1"), join(root, "current"));
  const database = join("data", "shop.db");
  mkdirSync(join(root, "data"));
  createDatabase(join(root, database));
  const key = randomBytes(18).toString("base64url");
  const settings = [`DATABASE=${database}`, "TAX_RATE=0.19", `PAYMENT_KEY=${key}`, ""].join("\n");
  writeFileSync(join(root, ".env"), settings, { mode: 0o600 });
  return join(root, database);
}

export async function startSystem(scope: Scope, database: string): Promise<System> {
  return { root: scope.root, database, ...(await startFront(scope)) };
}

/** As a service manager would: the front process is the demo's own child, and ends with it. */
export async function startFront(scope: Scope): Promise<Pick<System, "port" | "front">> {
  const front = scope.start([process.execPath, "front.mjs", "."], {
    cwd: scope.root,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(front, "exit").then(() => {
    throw new Error("the demo's front process ended before it listened");
  });
  const [{ port }] = (await Promise.race([once(front, "message"), exited])) as [{ readonly port: number }];
  exited.catch(() => undefined);
  return { port, front };
}

/** Puts the demo's own values into the playbook's variables. */
export function writePlaybook(root: string, variables: Readonly<Record<string, string | number>>): void {
  const file = join(root, "backout.yaml");
  let text = readFileSync(file, "utf8");
  for (const [name, value] of Object.entries(variables)) {
    const line = new RegExp(`^  ${name}: .*$`, "m");
    if (!line.test(text)) throw new Error(`${file}: there is no variable "${name}" to fill in`);
    text = text.replace(line, `  ${name}: ${value}`);
  }
  writeFileSync(file, text);
}
