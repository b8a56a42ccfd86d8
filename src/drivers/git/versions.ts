import type { DriverContext } from "../../core/driver.js";
import { git } from "./git.js";
import type { GitOptions } from "./options.js";
import { openRepository } from "./repository.js";

/** A place to go back to. */
export interface Version {
  /** The tag's name, or the commit's short id. */
  readonly name: string;
  readonly commit: string;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: "tag" | "commit";
}

const fields = (text: string, kind: Version["kind"]): Version[] =>
  text.split("\n").flatMap((line) => {
    const [name = "", commit = "", at = "", subject = ""] = line.split("\0");
    return commit === "" ? [] : [{ name, commit, subject, at: Number(at) * 1000, kind }];
  });

/** Tags, newest version first (v2.10.0 before v2.9.0, a release before its candidates), then recent commits. */
export async function versions(options: GitOptions, context: DriverContext, most = 20): Promise<Version[]> {
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
