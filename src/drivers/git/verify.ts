import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { GitData } from "./capture.js";
import { takeWorkIn, treeWith } from "./captured-tree.js";
import { lookAt, uncommitted } from "./look.js";
import type { GitOptions } from "./options.js";
import { openRepository } from "./repository.js";
import { withWorkspace } from "./workspace.js";

const compared = (name: string, expected: string, actual: string, message: string): Check => {
  const base = { name, expected, actual };
  return expected === actual ? { ...base, result: "passed" } : { ...base, result: "failed", message };
};

async function compare(
  { data, ...part }: CapturedPart<GitData>,
  options: GitOptions,
  context: ObserveContext,
): Promise<Check[]> {
  const repository = await openRepository(options.path, context);
  const keep = context.keep ?? [];
  return withWorkspace(repository, context, async (workspace) => {
    const look = await lookAt(repository, workspace, context);
    const { env } = workspace;
    if (keep.length > 0) await takeWorkIn(repository, { ...part, data }, context, env);
    const expected = await treeWith(repository, data.tree, keep, undefined, context, env);
    const actual = await treeWith(repository, look.tree, keep, undefined, context, env);
    return [
      compared("commit", data.commit, look.commit, "HEAD is elsewhere"),
      compared("files", expected, actual, uncommitted(look)),
      compared(
        "nothing half-done",
        "no merge or rebase",
        look.operation ?? "no merge or rebase",
        "is going on",
      ),
    ];
  });
}

export async function verify(
  captured: CapturedPart<GitData>,
  options: GitOptions,
  context: ObserveContext,
): Promise<Check[]> {
  try {
    return await compare(captured, options, context);
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [{ name: options.path, result: "error", message: error.message }];
  }
}
