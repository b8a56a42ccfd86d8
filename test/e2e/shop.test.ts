import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ShopResult } from "../../src/demo/shop/story.js";

const program = fileURLToPath(new URL("../../dist/demo.js", import.meta.url));

async function demo(temporary: string, ...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const [status] = (await once(child, "close")) as [number];
  return { ...printed, status };
}

test("W06 Z10 M25 the shop's database, cache and queue come back under load: only announced transactions are lost, nothing is left behind", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "shop-test-"));
  // PostgreSQL runs as another user.
  chmodSync(temporary, 0o755);
  try {
    const report = join(temporary, "report");
    const { stdout, stderr, status } = await demo(
      temporary,
      "shop",
      "--json",
      "--orders",
      "5000",
      "--report",
      report,
    );
    expect(status, stderr).toBe(0);
    const result = JSON.parse(stdout) as ShopResult;
    expect(result).toMatchObject({ holds: true, outcome: "verified" });
    expect(result.orders.lost).toBeGreaterThan(0);
    expect(result.orders.lost).toBeLessThanOrEqual(result.orders.announced);
    expect(result.quarantined).toBeGreaterThan(0);
    expect(stderr).toMatch(/Outage: [\d,]+ ms\. Committed transactions lost: [\d,]+, all of them announced/);
    expect(readFileSync(result.report, "utf8")).toContain("public.orders");
    expect(readdirSync(temporary)).toEqual(["report"]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

test.each([
  [["warehouse"], /there is no demo "warehouse"/],
  [["shop", "--orders", "few"], /--orders: "few" is no whole number/],
])("%j is refused", async (args, says) => {
  const { status, stderr } = await demo(tmpdir(), ...args);
  expect([status, stderr]).toEqual([2, expect.stringMatching(says) as string]);
});
