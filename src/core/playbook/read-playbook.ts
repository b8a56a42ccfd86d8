import type { Problem } from "../errors.js";
import { decodePlaybook } from "./decode-playbook.js";
import type { PlaybookSource } from "./parse-playbook.js";
import { playbookVersion } from "./schema.js";
import { quoted } from "./suggestion.js";
import { inOrder, problemList } from "./where.js";
import { yamlTree } from "./yaml-tree.js";

/**
 * Stops only where nothing further can be said: no text, no YAML, no map, a later version. Without `source` the
 * problems are all there is; with it, call `resolvePlaybook`, whose list includes these.
 */
export function readPlaybook({ text, file }: { text: string | Uint8Array; file: string }): {
  source?: PlaybookSource;
  problems: readonly Problem[];
} {
  const decoded = typeof text === "string" ? { text, problems: [] } : decodePlaybook(text, file);
  if (decoded.text === undefined) return { problems: decoded.problems };
  const { tree, where, problems } = yamlTree(decoded.text.replace(/^\uFEFF/, ""), file);
  if (tree === undefined) return { problems };
  const list = problemList(where, problems);
  const { backout: version } = tree;
  if (version === undefined) {
    list.error(
      ["backout"],
      "the version of the format is missing",
      `begin with: backout: ${playbookVersion}`,
    );
  } else if (typeof version === "number" && version > playbookVersion) {
    const message = `the playbook is of version ${version}; this backout knows version ${playbookVersion}`;
    list.error(["backout"], message, "npm install --global backout@latest");
    return { problems: inOrder(list.problems) };
  } else if (version !== playbookVersion) {
    const message = `${quoted(version)} is no version of the format; it must be the number ${playbookVersion}`;
    list.error(["backout"], message, `write: backout: ${playbookVersion}`);
  }
  return { source: { file, tree, where, problems: list.problems }, problems: inOrder(list.problems) };
}
