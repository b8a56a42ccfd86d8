// The command line in two packs: what `plan` and `check` need, and the rest (docs/adr/0005-compiled-code-beside-the-program.md).
import { join, relative } from "node:path";
import { build } from "esbuild";

const main = "src/cli/main.ts";

/** What is loaded by `import()` and yet belongs to the first pack, with all that it imports itself. */
const alsoEarly = [
  /^src\/compose\.ts$/,
  /^src\/cli\/commands\/(check|plan)\.ts$/,
  /^src\/cli\/render\/render-(plan|problems)\.ts$/,
  /^src\/app\/(check-system|find-run|plan-rollback)\.ts$/,
  /^src\/core\/(decision|playbook|signal)\/(?!read-playbook\.ts$)/,
  /^src\/drivers\/(command|env-file|http|release-dir|sqlite)\/index\.ts$/,
  /^node_modules\/age-encryption\//,
];

/** What is loaded by `require()` when it is needed, and hardly ever is. */
const later = /^node_modules\/@noble\/post-quantum\//;

/**
 * Both packs as texts: each the body of a function of `require` and `module`, which exports by path those of its modules
 * that the other one imports. They import each other's as `early:<path>` and `later:<path>`.
 */
export async function programPacks(options) {
  const common = { ...options, bundle: true, write: false, supported: { "dynamic-import": false } };
  const whole = await build({ ...common, format: "cjs", entryPoints: [main], metafile: true });
  const { inputs } = whole.metafile;
  const early = earlyModules(inputs);
  const packOf = (path) => (early.has(path) ? "early" : "later");
  const crossed = { early: new Set([main]), later: new Set() };
  for (const [importer, { imports }] of Object.entries(inputs)) {
    for (const { path, external } of imports) {
      if (!external && packOf(path) !== packOf(importer)) crossed[packOf(path)].add(path);
    }
  }
  const pack = async (name, format, used = new Map()) => {
    const paths = [...crossed[name]];
    const members = paths.map(
      (path) => `${JSON.stringify(path)}: () => require(${JSON.stringify(`used:${path}`)})`,
    );
    const { outputFiles } = await build({
      ...common,
      format,
      stdin: { contents: `module.exports = { ${members.join(", ")} };`, resolveDir: options.absWorkingDir },
      plugins: [...options.plugins, acrossPacks({ name, inputs, packOf, used, root: options.absWorkingDir })],
    });
    return withDefaults(outputFiles[0].text);
  };
  const used = namesUsed(await pack("later", "esm"));
  return Promise.all([pack("early", "cjs", used), pack("later", "cjs")]);
}

/**
 * esbuild takes what is outside for CommonJS as node sees it, whose default export is the module itself. What comes from the
 * other pack says by `__esModule` whether it is that.
 */
const withDefaults = (text) => text.replaceAll(/(require\d*\("(?:early|later):[^"]+"\)), ?1\)/g, "$1)");

/** Paths of the first pack's modules, from esbuild's account of the whole. */
function earlyModules(inputs) {
  const found = new Set([main]);
  for (const path of found) {
    for (const { path: target, kind, external } of inputs[path].imports) {
      const follows = kind !== "dynamic-import" || alsoEarly.some((one) => one.test(target));
      if (!external && follows && !later.test(target)) found.add(target);
    }
  }
  return found;
}

/** By path what a pack imports of the other one's modules; no names where it takes the module as a whole. */
function namesUsed(text) {
  const used = new Map();
  const pattern = /import(?: ?\{([^}]*)\}| ?\* ?as ([\w$]+) ?)from ?"\w+:([^"]+)"/g;
  for (const [, list, alias, path] of text.matchAll(pattern)) {
    const names = used.get(path) ?? new Set();
    for (const one of list?.split(",") ?? []) names.add(one.trim().split(" as ")[0]);
    if (alias !== undefined) {
      const members = text.matchAll(
        new RegExp(`(?<![\\w$.])${alias.replaceAll("$", "\\$&")}\\.([\\w$]+)`, "g"),
      );
      for (const [, name] of members) names.add(name);
    }
    used.set(path, names);
  }
  // By `import()` it is taken as a whole, whatever is imported of it elsewhere.
  for (const [, path] of text.matchAll(/require\d*\("\w+:([^"]+)"\)/g)) used.delete(path);
  return used;
}

function acrossPacks({ name, inputs, packOf, used, root }) {
  const targets = new Map();
  for (const [importer, { imports }] of Object.entries(inputs)) {
    for (const { path, original, external } of imports) {
      if (!external) targets.set(`${importer} ${original}`, path);
    }
  }
  return {
    name: "across-packs",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ importer, path }) => {
        const target = targets.get(`${relative(root, importer)} ${path}`);
        if (target === undefined || packOf(target) === name) return undefined;
        return { path: `${packOf(target)}:${target}`, external: true };
      });
      onResolve({ filter: /^used:/ }, ({ path }) => {
        const [, module] = path.split(":");
        return used.get(module)?.size ? { path: module, namespace: "used" } : { path: join(root, module) };
      });
      onLoad({ filter: /./, namespace: "used" }, ({ path }) => ({
        contents: `export { ${[...used.get(path)].join(", ")} } from ${JSON.stringify(`./${path}`)};`,
        resolveDir: root,
      }));
    },
  };
}
