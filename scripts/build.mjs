// Bundles the programs into dist/. Files are replaced in one step each and only where they differ, so that a program
// that runs from dist/ meanwhile finds whole files; those of an earlier build go last.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { programPacks } from "./program-packs.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** CommonJS dependencies call `require` for node's own modules. */
const banner =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

const bundling = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  // Large and hardly ever needed, or with files of their own beside them.
  external: ["@dbos-inc/dbos-sdk", "@photostructure/sqlite", "ioredis", "libpg-query", "pg", "re2js", "ws"],
  logLevel: "warning",
  write: false,
};

const bundle = async (options) => {
  const { outputFiles } = await build({ ...bundling, ...options }).catch(() => process.exit(1));
  return outputFiles;
};

function put(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(contents))) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}

/** What V8 compiles of the packs while the program does its work once, in an empty folder. */
async function compile(packs) {
  const folder = mkdtempSync(join(tmpdir(), "backout-build-"));
  const results = packs.map((pack) => join(folder, basename(pack)));
  mkdirSync(join(folder, "system"));
  try {
    const [program] = await bundle({
      entryPoints: ["scripts/compile-program.mjs"],
      format: "esm",
      packages: "external",
    });
    const path = join(root, "node_modules", ".cache", "compile-program.mjs");
    put(path, program.text);
    execFileSync(process.execPath, [path, ...packs, ...results], {
      cwd: join(folder, "system"),
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 120_000,
    });
    return results.map((result) => readFileSync(result));
  } catch (error) {
    console.warn(`build: the program does not do its work, so it will start more slowly: ${error.message}`);
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Large, and needed only for keys of that kind, of which there are few yet. */
const postQuantumLater = {
  name: "post-quantum-later",
  setup: ({ onLoad }) =>
    onLoad({ filter: /age-encryption\/dist\/recipients\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8")
        .replace(
          /import \{[^}]*\} from ("@noble\/post-quantum\/hybrid.js");/,
          "const hybrid = () => require($1);",
        )
        .replaceAll(/(?<!hpke)MLKEM768\w+(?=\.)/g, "hybrid().$&"),
    })),
};

/** Needed only for subcommands that are programs of their own, of which there are none. */
const startsLater = {
  name: "commander-starts-later",
  setup: ({ onLoad }) =>
    onLoad({ filter: /commander\/lib\/command\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8")
        .replace("const childProcess = require('node:child_process');", "")
        .replaceAll("childProcess.spawn(", "require('node:child_process').spawn("),
    })),
};

/** Writes a pack as one function; gives its path without ending. */
function putPack(body) {
  // esbuild leaves the letters in regular expressions; the launcher reads one byte a letter.
  const text = `(function (require, module) {${body}})`.replace(
    /[^\0-\x7f]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const pack = join(dist, "program", createHash("sha256").update(text).digest("hex").slice(0, 16));
  put(`${pack}.cjs`, text);
  return pack;
}

/** The program in two packs, with what V8 makes of each beside it (docs/adr/0005). */
async function buildProgram() {
  const define = { BACKOUT_VERSION: JSON.stringify(version) };
  const packs = (await programPacks({ ...bundling, plugins: [startsLater, postQuantumLater], define })).map(
    putPack,
  );
  const compiled = packs.map((pack) => `${pack}.${process.version}-${process.platform}-${process.arch}`);
  if (!compiled.every((path) => existsSync(path))) {
    for (const [index, made] of (await compile(packs)).entries()) put(compiled[index], made);
  }
  const [early, later] = packs.map((pack) => JSON.stringify(basename(pack)));
  const [launcher] = await bundle({
    entryPoints: { backout: "src/cli/launch.ts" },
    format: "cjs",
    define: { BACKOUT_EARLY: early, BACKOUT_LATER: later },
    banner: { js: "#!/usr/bin/env node" },
  });
  // Node takes a tenth of its own start to load its loader of modules.
  put(join(dist, "package.json"), '{ "type": "commonjs" }\n');
  put(launcher.path, launcher.text);
  chmodSync(launcher.path, 0o755);
  return [...packs.map((pack) => `${pack}.cjs`), ...compiled];
}

/** What developers run: in chunks, since each of its programs uses little of the whole. */
async function buildTools() {
  const files = await bundle({
    entryPoints: { demo: "src/demo/main.ts", bench: "bench/main.ts" },
    chunkNames: "chunks/[name]-[hash]",
    outExtension: { ".js": ".mjs" },
    splitting: true,
    format: "esm",
    banner: { js: banner },
  });
  const chunksFirst = files.toSorted((a, b) => b.path.length - a.path.length);
  for (const { path, text } of chunksFirst) put(path, text);
  for (const name of ["demo", "bench"]) put(join(dist, `${name}.js`), `import("./${name}.mjs");\n`);
  return files.map(({ path }) => path);
}

const made = new Set([...(await buildTools()), ...(await buildProgram())].map((path) => basename(path)));
for (const folder of ["chunks", "program"]) {
  for (const name of readdirSync(join(dist, folder))) if (!made.has(name)) rmSync(join(dist, folder, name));
}
