/** The borders of docs/design.md, "Layout". */
const tests = "\\.test\\.ts$";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two rooms that need each other are one room.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "core-is-pure",
      comment:
        "core imports itself, its schema, YAML, expression and unit libraries, and node's hash function.",
      severity: "error",
      from: { path: "^src/core", pathNot: tests },
      to: {
        pathNot:
          "^src/core|node_modules/(zod|yaml|parse-duration|pretty-ms|fastest-levenshtein|@marcbachmann|js-yaml)|^(node:)?crypto$",
      },
    },
    {
      name: "engine-storage-platform-import-core",
      severity: "error",
      from: { path: "^src/(engine|platform)/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|$1)/" },
    },
    {
      name: "storage-imports-core-and-clients",
      comment: "The journal in PostgreSQL reads that server's failures as the drivers do.",
      severity: "error",
      from: { path: "^src/storage/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|clients|storage)/" },
    },
    {
      name: "dbos-imports-core-and-storage",
      severity: "error",
      from: { path: "^src/dbos/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|dbos|storage)/" },
    },
    {
      name: "drivers-import-core-and-their-client",
      comment:
        "A driver sees core's contracts and the clients that several drivers share: never another driver, never the platform.",
      severity: "error",
      from: { path: "^src/drivers/([^/]+)/", pathNot: `${tests}|^src/drivers/testing/` },
      to: { path: "^src/", pathNot: "^src/(core|clients|drivers/$1)/" },
    },
    {
      name: "clients-import-core",
      severity: "error",
      from: { path: "^src/clients/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|clients)/" },
    },
    {
      name: "app-imports-core-and-engine",
      severity: "error",
      from: { path: "^src/app/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|engine|app)/" },
    },
    {
      name: "cli-imports-app-and-core",
      comment: "Only cli/main.ts meets compose.ts.",
      severity: "error",
      from: { path: "^src/cli/", pathNot: `${tests}|^src/cli/main\\.ts$` },
      to: { path: "^src/", pathNot: "^src/(core|app|cli)/" },
    },
    {
      name: "demo-drives-the-command-line",
      comment: "As people do, by starting it; it shares the command line's colours.",
      severity: "error",
      from: { path: "^src/demo/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|demo)/|^src/cli/render/colour\\.ts$" },
    },
    {
      name: "only-platform-starts-processes",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(platform|demo|drivers/testing)/|${tests}` },
      to: { path: "^(node:)?child_process$|node_modules/execa" },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js"],
    },
  },
};
