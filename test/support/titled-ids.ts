import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const id = /\b[MLVWZH]\d{2}\b/g;
const leadingIds = /^([MLVWZH]\d{2}\b[ ,]*)+/;
const titled = new Set(["test", "it", "describe"]);

/** Files with tests, and the contract suites that tests call. Relative to the project's folder. */
export function testFiles(root: string): string[] {
  return ["src", "test"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map(
        (path) => `${folder}/${path}`,
      ),
    )
    .filter((path) => path.endsWith(".test.ts") || /^src\/drivers\/testing\/[^/]+\.ts$/.test(path))
    .sort();
}

/**
 * The requirement and hazard IDs that a file's tests carry: anywhere in the title of a test or a suite and, since the
 * rows of a table get their titles from the row, at the beginning of any other text. Comments do not count.
 */
export function titledIds(text: string): Set<string> {
  const found = new Set<string>();
  const add = (title: string): void => {
    for (const [one] of title.matchAll(id)) found.add(one);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && titled.has(rootName(node.expression))) {
      const [title] = node.arguments;
      if (title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title)))
        add(title.getText());
    }
    if (ts.isStringLiteralLike(node)) add(leadingIds.exec(node.text)?.[0] ?? "");
    ts.forEachChild(node, visit);
  };
  if (text.search(id) >= 0) visit(ts.createSourceFile("test.ts", text, ts.ScriptTarget.Latest, true));
  return found;
}

export const titledIdsOf = (root: string, path: string): Set<string> =>
  titledIds(readFileSync(join(root, path), "utf8"));

/** `test` of `test.each(rows)(…)`. */
function rootName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return rootName(node.expression);
  return ts.isTaggedTemplateExpression(node) ? rootName(node.tag) : "";
}
