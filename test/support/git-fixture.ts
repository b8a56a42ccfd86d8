import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";

/** A deployed work tree with a remote beside it, both real, and git without the machine's own settings. */
export interface GitFixture extends TargetFixture {
  readonly top: string;
  readonly origin: string;
  git(...args: string[]): string;
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
}

const settings = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"];

export function gitIn(folder: string, ...args: string[]): string {
  return execFileSync("git", [...settings, "-C", folder, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" },
  }).trimEnd();
}

/** Every file below, with mode and contents, without git's own folder and what `except` names. */
export async function filesOf(top: string, except: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(top, folder))).sort()) {
      const path = join(folder, name);
      if (path === ".git" || except.includes(path)) continue;
      const stat = await lstat(join(top, path));
      if (stat.isDirectory()) await walk(path);
      else found[path] = `${stat.mode.toString(8)} ${await readFile(join(top, path), "utf8")}`;
    }
  };
  await walk("");
  return found;
}

export async function gitFixture(more: { dirty: boolean; remote: boolean }): Promise<GitFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-git-"));
  const top = join(folder, "app");
  const origin = join(folder, "origin.git");
  const git = (...args: string[]): string => gitIn(top, ...args);
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(top, path, ".."), { recursive: true });
    await writeFile(join(top, path), text);
  };
  const read = (path: string): Promise<string> => readFile(join(top, path), "utf8");
  gitIn(folder, "init", "--quiet", "--bare", "origin.git");
  gitIn(folder, "clone", "--quiet", `file://${origin}`, "app");
  await mkdir(join(folder, "plain"));
  await write("src/app.js", "good\n");
  await write("run.sh", "#!/bin/sh\n");
  await chmod(join(top, "run.sh"), 0o755);
  await write(".gitignore", "uploads/\n");
  git("add", "--all");
  git("commit", "--quiet", "-m", "First release");
  git("push", "--quiet", "origin", "HEAD:main");
  await write("uploads/one.bin", "upload one\n");
  const commit = git("rev-parse", "HEAD");
  const soil = async (): Promise<void> => {
    await write("src/app.js", "good, mended by hand\n");
    await write("odd names/a b\t*.txt", "untracked work\n");
  };
  if (more.dirty) await soil();
  const good = await filesOf(top, ["uploads"]);
  let round = 0;

  return {
    folder,
    top,
    origin,
    git,
    write,
    read,
    options: { path: "app", ...(more.remote ? { remote: "origin" } : {}) },
    break: async () => {
      round++;
      git("checkout", "--quiet", "--force", "main");
      git("clean", "--quiet", "-d", "--force");
      git("checkout", "--quiet", "-b", `side-${round}`);
      await write("src/side.js", `side ${round}\n`);
      git("add", "--all");
      git("commit", "--quiet", "-m", `Side ${round}`);
      git("checkout", "--quiet", "main");
      await write("src/app.js", `bad ${round}\n`);
      await write("src/new.js", `new ${round}\n`);
      await chmod(join(top, "run.sh"), 0o644);
      git("add", "--all");
      git("commit", "--quiet", "-m", `Bad release ${round}`);
      git("merge", "--quiet", "--no-edit", `side-${round}`);
      await write("src/app.js", `bad ${round}, changed by hand\n`);
      await write("src/debug.js", "left over\n");
      await write(`uploads/later-${round}.bin`, "uploaded later\n");
    },
    isGood: async () => {
      expect(git("rev-parse", "HEAD")).toBe(commit);
      expect(await filesOf(top, ["uploads"])).toEqual(good);
      expect(git("diff", "--cached", "--name-only")).toBe("");
      expect(await read("uploads/one.bin")).toBe("upload one\n");
      if (round > 0) expect(await read(`uploads/later-${round}.bin`)).toBe("uploaded later\n");
    },
    world: async () => {
      const files = await filesOf(top).catch(() => "gone");
      const refs = files === "gone" ? "" : git("for-each-ref", "refs/heads", "refs/tags", "refs/remotes");
      const status = files === "gone" ? "" : git("status", "--porcelain", "--branch");
      const theirs = await readdir(origin).then(
        () => gitIn(origin, "for-each-ref"),
        () => "gone",
      );
      return createHash("sha256")
        .update(JSON.stringify([files, refs, status, theirs]))
        .digest("hex");
    },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The remote takes nothing any more, as a protected branch or tag does not; what it returns undoes it. */
export async function refusePushes({ origin }: GitFixture): Promise<() => Promise<void>> {
  const hook = join(origin, "hooks", "pre-receive");
  await mkdir(join(origin, "hooks"), { recursive: true });
  await writeFile(hook, "#!/bin/sh\necho protected >&2\nexit 1\n", { mode: 0o755 });
  return () => rm(hook);
}
