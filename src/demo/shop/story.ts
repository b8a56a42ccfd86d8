import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../../core/report/report-types.js";
import { failed, type Load, startLoad } from "../load.js";
import { count, type Narrator } from "../narrate.js";
import type { Scope } from "../scope.js";
import { type Shell, shell } from "../shell.js";
import { startFront, writePlaybook } from "../system.js";
import { createShop, ordersMissing, type Size, shopUrl } from "./database.js";
import { outageOf, type ShopOutcome, shopFigures, shopLine } from "./outcome.js";
import { type Servers, startServers } from "./servers.js";

/** Built, the demo lies beside backout itself. */
const program = fileURLToPath(new URL("backout.js", import.meta.url));
const examples = fileURLToPath(new URL("../examples", import.meta.url));
const afterMs = 1_500;
/** Requests a second: four processes and two servers share what there is. */
const rate = 25;
const mostMs = 240_000;

export interface ShopResult extends ShopOutcome {
  /** All that is promised. */
  readonly holds: boolean;
}

/** A shop on PostgreSQL, Redis and BullMQ, a release that spoils all three, and the way back; nothing is replayed. */
export async function runShop(
  scope: Scope,
  narrator: Narrator,
  more: { readonly orders: number; readonly report?: string | undefined },
): Promise<ShopResult> {
  narrator.title("A shop on PostgreSQL and Redis, a bad release, and the way back");
  const size = { customers: Math.max(1_000, Math.ceil(more.orders / 50)), orders: more.orders };
  const { servers, port, commands } = await open(scope, narrator, size);
  const load = startLoad(port, size, rate);
  try {
    narrator.chapter("Before the change: is the way back there?");
    await commands.run("backout", "check");
    await commands.run("backout", "checkpoint", "--change", "v2");
    narrator.chapter("Release v2 goes out, and it is bad");
    const watch = await commands.begin("backout", "watch", "--change", "v2");
    await watch.prints("GREEN");
    await commands.run("node", "deploy.mjs", "v2");
    const status = await Promise.race([watch.ended, sleep(mostMs, undefined, { ref: false })]);
    if (status !== 0)
      throw new Error(`backout watch: ended with exit status ${status ?? "unknown, not in time"}`);
    const report = JSON.parse(await commands.read("backout", "report", "--json")) as Report;
    await sleep(afterMs);
    await load.stop();
    const kept = await keepReport(commands, more.report);
    const outcome = await judge(report, load, servers, kept);
    const figures = shopFigures(outcome);
    const holds = figures.every((figure) => figure.holds);
    narrator.chapter("What it came to");
    narrator.figures(figures);
    narrator.say("");
    narrator.say(shopLine(outcome));
    narrator.say(`Report: ${outcome.report}`);
    narrator.end(holds, holds ? "All that was promised held." : "Not all that was promised held.");
    return { ...outcome, holds };
  } finally {
    await load.stop();
  }
}

interface Opened {
  readonly servers: Servers;
  readonly port: number;
  readonly commands: Shell;
}

async function open(scope: Scope, narrator: Narrator, size: Size): Promise<Opened> {
  const { root } = scope;
  const servers = await startServers(scope);
  await createShop(servers.postgres, size);
  for (const name of ["front.mjs", "appctl.mjs", "deploy.mjs"]) {
    cpSync(join(examples, "demo-app", name), join(root, name));
  }
  cpSync(join(examples, "shop"), root, { recursive: true });
  symlinkSync(librariesFolder(), join(root, "node_modules"), "dir");
  symlinkSync(join("releases", "v1"), join(root, "current"));
  const settings = [
    `DATABASE_URL=${shopUrl(servers.postgres)}`,
    `REDIS_URL=redis://127.0.0.1:${servers.redis}`,
  ];
  writeFileSync(join(root, ".env"), `${settings.join("\n")}\n`, { mode: 0o600 });
  const { port } = await startFront(scope);
  writePlaybook(root, { port, postgres: servers.postgres, redis: servers.redis });
  const commands = shell({ scope, narrator, program, secrets: {} });
  await commands.read("node", "appctl.mjs", "start");
  const { postgres, redis } = servers;
  narrator.say(`${root}, with its playbook backout.yaml; it is removed at the end`);
  narrator.say(
    `PostgreSQL on port ${postgres}: ${count(size.orders)} orders, ${count(2 * size.orders)} items; Redis on port ${redis}`,
  );
  narrator.say(`3 workers behind http://127.0.0.1:${port}, ${rate} requests a second, each remembered`);
  return { servers, port, commands };
}

const librariesFolder = (): string =>
  dirname(dirname(createRequire(import.meta.url).resolve("bullmq/package.json")));

async function keepReport(commands: Shell, folder?: string): Promise<string> {
  const kept = folder === undefined ? mkdtempSync(join(tmpdir(), "backout-report-")) : resolve(folder);
  mkdirSync(kept, { recursive: true });
  await commands.run("backout", "report", "--output", join(kept, "report.md"));
  return join(kept, "report.md");
}

async function judge(report: Report, load: Load, servers: Servers, kept: string): Promise<ShopOutcome> {
  const { answers, acknowledged } = load;
  const ended = report.endedAt ?? Number.POSITIVE_INFINITY;
  const after = answers.filter(({ at }) => at >= ended);
  const orders = report.dataLost.filter(({ what }) => what === "public.orders");
  return {
    outcome: report.outcome ?? "unfinished",
    outageMs: outageOf(answers, report.requested?.at ?? 0, ended),
    rollbackMs: report.durationMs ?? Number.NaN,
    promisedMs: report.plan.promisedMs ?? Number.NaN,
    afterwards: { sent: after.length, failed: after.filter(failed).length },
    orders: {
      lost: await ordersMissing(servers.postgres, acknowledged),
      announced: orders.reduce((sum, { inserted = 0 }) => sum + inserted, 0),
    },
    quarantined: await quarantined(servers.redis),
    report: kept,
  };
}

async function quarantined(port: number): Promise<number> {
  const { Redis } = await import("ioredis");
  const redis = new Redis({ port, host: "127.0.0.1" });
  try {
    const lists = ["wait", "paused"].map((kind) => redis.llen(`bull:mails-quarantine:${kind}`));
    const counts = await Promise.all([...lists, redis.zcard("bull:mails-quarantine:delayed")]);
    return counts.reduce((sum, one) => sum + one, 0);
  } finally {
    redis.disconnect();
  }
}
