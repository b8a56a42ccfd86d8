import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
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

type Table = Readonly<Record<string, () => Readonly<Record<string, unknown>>>>;

/** The two packs in their order, each with its text and its modules by path. */
function loadPacks(): { text: string; table: Table }[] {
  const launcher = readFileSync(join(program, "../backout.js"), "utf8");
  const names = readdirSync(program).filter((name) => name.endsWith(".cjs"));
  const texts = names
    .toSorted((a, b) => launcher.indexOf(a.slice(0, 16)) - launcher.indexOf(b.slice(0, 16)))
    .map((name) => readFileSync(join(program, name), "latin1"));
  const tables: Table[] = [];
  const require = createRequire(join(program, "../backout.js"));
  const requireAny = (name: string): unknown => {
    const [, pack, path] = /^(early|later):(.*)$/.exec(name) ?? [];
    return pack === undefined ? require(name) : tables[pack === "early" ? 0 : 1]?.[path ?? ""]?.();
  };
  for (const text of texts) {
    const module = { exports: {} as Table };
    (runInThisContext(text) as (require: unknown, module: unknown) => void)(requireAny, module);
    tables.push(module.exports);
  }
  return texts.map((text, index) => ({ text, table: tables[index] ?? {} }));
}

test("each pack has what the other one takes of it, by name and by default", () => {
  const [early, later] = loadPacks();
  const taken = /([\w$]+)=(?:__toESM\()?require\("(early|later):([^"]+)"\)(,1\))?/g;
  let names = 0;
  for (const [text, table] of [[early?.text, later?.table] as const, [later?.text, early?.table] as const]) {
    for (const [, alias = "", , path = "", asCommonJs] of (text ?? "").matchAll(taken)) {
      expect(asCommonJs, path).toBeUndefined();
      const module = table?.[path]?.() ?? {};
      const used = new RegExp(`(?<![\\w$.])${alias.replaceAll("$", "\\$")}\\.([\\w$]+)`, "g");
      for (const [, name = ""] of (text ?? "").matchAll(used)) {
        if (name === "default" && module["__esModule"] !== true) continue;
        expect(module[name], `${path} ${name}`).toBeDefined();
        names++;
      }
    }
  }
  expect(names).toBeGreaterThan(300);
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
