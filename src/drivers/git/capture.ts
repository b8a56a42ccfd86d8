import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { git } from "./git.js";
import { identityOf, type Look, lookAt, placeOf, uncommitted } from "./look.js";
import type { GitOptions } from "./options.js";
import { openRepository, type Repository } from "./repository.js";
import { pushTag, tagCommit } from "./tag.js";
import { commitWork } from "./work-commit.js";
import { type Workspace, withWorkspace } from "./workspace.js";

export const bundleName = "work.bundle";
export const bundleRef = "refs/backout/work";

export type GitData = {
  readonly commit: string;
  readonly subject: string;
  readonly branch: string | null;
  readonly tag: string;
  /** Of the files as they were, uncommitted work included. */
  readonly tree: string;
  readonly headTree: string;
};

export const isDirty = ({ tree, headTree }: Pick<GitData, "tree" | "headTree">): boolean => tree !== headTree;

/** Work that is in no commit, as a bundle on top of HEAD; the repository gets no object of it. */
async function bundleWork(
  repository: Repository,
  workspace: Workspace,
  { commit }: Look,
  context: CaptureContext,
): Promise<void> {
  const { env, folder } = workspace;
  const work = await commitWork(repository, workspace, context, env);
  const bare = `${folder}/bundle.git`;
  const format = `--object-format=${repository.objectFormat}`;
  await git(context, repository.top, ["init", "--quiet", "--bare", "--template=", format, bare]);
  const objects = [`${repository.commonDir}/objects`, `${folder}/objects`].join(":");
  const call = { env: { GIT_DIR: bare, GIT_ALTERNATE_OBJECT_DIRECTORIES: objects } };
  await git(context, bare, ["update-ref", bundleRef, work], call);
  const path = context.artifacts.scratch(bundleName);
  await git(context, bare, ["bundle", "create", "--quiet", path, bundleRef, `^${commit}`], call);
  await context.artifacts.add(bundleName);
}

export async function capture(options: GitOptions, context: CaptureContext): Promise<Captured<GitData>> {
  const repository = await openRepository(options.path, context);
  const look = await withWorkspace(repository, context, async (workspace) => {
    const found = await lookAt(repository, workspace, context);
    if (found.operation !== undefined) {
      throw new BackoutError("CONFLICT", `${options.path}: is in the middle of a ${found.operation}`, {
        effect: "none",
        hint: `finish it, or git ${found.operation} ${found.operation === "bisect" ? "reset" : "--abort"}`,
      });
    }
    if (found.modified + found.untracked > 0) await bundleWork(repository, workspace, found, context);
    return found;
  });
  const { commit, branch, tree, headTree } = look;
  const { tag, made } = await tagCommit(repository, commit, options, context);
  if (options.remote !== undefined) {
    try {
      await pushTag(repository, options.remote, tag, context);
    } catch (error) {
      if (made) await git(context, repository.top, ["tag", "--delete", tag]);
      throw error;
    }
  }
  const subject = await git(context, repository.top, ["log", "-1", "--format=%s", commit]);
  return {
    identity: identityOf(look),
    summary: `${placeOf(look)} "${subject}", tag ${tag}, ${uncommitted(look)}`,
    data: { commit, subject, branch: branch ?? null, tag, tree, headTree },
  };
}
