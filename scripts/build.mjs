// Bundles the programs into dist/. Files are replaced in one step each and only where they differ, so that a program
// that runs from dist/ meanwhile finds whole files; those of an earlier build go last.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const programs = { backout: "src/cli/main.ts", demo: "src/demo/main.ts", bench: "bench/main.ts" };
const shebang = "#!/usr/bin/env node\n";
/** CommonJS dependencies call `require` for node's own modules. */
const banner =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

function put(path, contents) {
  if (existsSync(path) && readFileSync(path, "utf8") === contents) return;
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(
    Object.entries(programs).filter(([, file]) => existsSync(join(root, file))),
  ),
  outdir: dist,
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  external: ["@photostructure/sqlite"],
  banner: { js: banner },
  logLevel: "warning",
  write: false,
}).catch(() => process.exit(1));

mkdirSync(join(dist, "chunks"), { recursive: true });
const chunksFirst = outputFiles.toSorted((a, b) => b.path.length - a.path.length);
for (const { path, text } of chunksFirst) {
  const program = basename(path) === "backout.js";
  put(path, program && !text.startsWith("#!") ? shebang + text : text);
  if (program) chmodSync(path, 0o755);
}
const made = new Set(outputFiles.map((file) => basename(file.path)));
for (const name of readdirSync(join(dist, "chunks"))) if (!made.has(name)) rmSync(join(dist, "chunks", name));
