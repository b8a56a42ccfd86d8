import type { DriverContext, Version } from "../../core/driver.js";
import { git } from "./git.js";
import type { GitOptions } from "./options.js";
import { openRepository } from "./repository.js";

const fields = (text: string, kind: "tag" | "commit"): Version[] =>
  text.split("\n").flatMap((line) => {
    const [name = "", commit = "", at = "", subject = ""] = line.split("\0");
    return commit === ""
      ? []
      : [{ name, identity: `commit:${commit}`, summary: `${kind}: ${subject}`, at: Number(at) * 1000 }];
  });

const most = 20;

/** Tags, newest version first (v2.10.0 before v2.9.0, a release before its candidates), then recent commits. */
export async function versions(options: GitOptions, context: DriverContext): Promise<Version[]> {
  const { top } = await openRepository(options.path, context);
  const tagFormat =
    "%(refname:strip=2)%00%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)%00%(creatordate:unix)%00%(contents:subject)";
  const count = `--count=${most}`;
  const tags = await git(context, top, [
    "for-each-ref",
    "--sort=-version:refname",
    count,
    `--format=${tagFormat}`,
    "refs/tags",
  ]);
  const commits = await git(context, top, ["log", `--max-count=${most}`, "--format=%h%x00%H%x00%ct%x00%s"]);
  return [...fields(tags, "tag"), ...fields(commits, "commit")];
}
