import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const program = join(import.meta.dirname, "../../dist/program");

const playbook = `backout: 1
system: small
targets:
  release: { driver: release-dir, with: { releases: releases, current: current } }
  settings: { driver: env-file, with: { file: .env } }
  app: { driver: command, uses: [release], with: { restart: { run: [restart-app] } } }
scenarios:
  full: { strategy: restore, restore: [release, settings], restart: [app], checks: [up] }
checks:
  up: { driver: http, with: { url: "http://127.0.0.1:1/" } }
signals:
  errors: { driver: command, with: { program: { run: [count-errors] } }, every: 5s }
triggers:
  failing: { when: errors > 5.0, for: 1m, level: RED }
decisions: [{ when: failing, scenario: full, mode: advise }]
`;

/** What brings its own binary looks for it beside itself, where a bundle has none: it stays a package of its own. */
test("nothing is bundled that looks for a binary beside it", () => {
  const packs = readdirSync(program).filter((name) => name.endsWith(".cjs"));
  expect(packs).toHaveLength(2);
  for (const pack of packs) {
    const text = readFileSync(join(program, pack), "utf8");
    expect(text.length).toBeGreaterThan(500_000);
    expect(text.match(/[\w-]+\.(?:wasm|node)["'`]/g)).toBeNull();
  }
});

test("checking a playbook of everyday drivers needs the first pack only", () => {
  const folder = mkdtempSync(join(tmpdir(), "backout-program-"));
  try {
    cpSync(join(program, ".."), join(folder, "dist"), { recursive: true });
    const packs = readdirSync(program).filter((name) => name.endsWith(".cjs"));
    const launcher = readFileSync(join(folder, "dist", "backout.js"), "utf8");
    const [early, later] = packs.toSorted(
      (a, b) => launcher.indexOf(a.slice(0, 16)) - launcher.indexOf(b.slice(0, 16)),
    );
    rmSync(join(folder, "dist", "program", later ?? ""));
    writeFileSync(join(folder, "backout.yaml"), playbook);
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [join(folder, "dist", "backout.js"), ...args], {
        cwd: folder,
        encoding: "utf8",
      });
    const { status, stdout, stderr } = run("check", "--offline");
    expect([status, stderr, stdout]).toEqual([0, "", expect.stringContaining("no problem found")]);
    expect(early).toBeDefined();
    expect(run("status").status).not.toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
