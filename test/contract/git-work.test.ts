import { rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Intent } from "../../src/core/driver.js";
import { target } from "../../src/drivers/git/index.js";
import { versions } from "../../src/drivers/git/versions.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { filesOf, type GitFixture, gitFixture, gitIn } from "../support/git-fixture.js";

type Session = TargetSession<GitFixture>;

let open: Session[] = [];
afterEach(async () => {
  for (const session of open) await session.cleanUp();
  open = [];
});

async function session(
  more: { dirty?: boolean; prepare?: (fixture: GitFixture) => void } = {},
): Promise<Session> {
  const made = await targetSession<GitFixture>(target, {
    driver: "git",
    setUp: async () => {
      const fixture = await gitFixture({ dirty: more.dirty ?? false, remote: true });
      more.prepare?.(fixture);
      return fixture;
    },
    faults: [],
  });
  open.push(made);
  return made;
}

async function planned({ taken, resolved, observe }: Session, intent: Partial<Intent> = {}) {
  const whole = { restore: true, quiesce: false, restart: false, keep: [], ...intent };
  return planOrder(
    target.plan({
      captured: taken.part,
      restoreMs: undefined,
      observed: await observe(),
      options: resolved,
      intent: whole,
    }),
  );
}

async function failed(made: Session, keep: string[] = []): Promise<string[]> {
  const context = { ...(await made.contexts.prove(made.taken)), keep };
  const checks = (await target.verify?.(made.taken.part, made.resolved, context)) ?? [];
  return checks.filter(({ result }) => result !== "passed").map(({ name }) => name);
}

describe("git", () => {
  test("M01 the tag is annotated, at the commit, and on the remote", async () => {
    const { fixture, taken } = await session();
    const tag = fixture.git("tag", "--list", "backout/*");
    expect(tag).toMatch(/^backout\/\d{8}-\d{6}$/);
    expect(taken.part.summary).toContain(tag);
    for (const folder of [fixture.top, fixture.origin]) {
      expect(gitIn(folder, "cat-file", "-t", tag)).toBe("tag");
      expect(gitIn(folder, "rev-parse", `${tag}^{commit}`)).toBe(fixture.git("rev-parse", "HEAD"));
    }
  });

  test("H20 M11 uncommitted work is set aside whole and comes back by one command; later files are gone", async () => {
    const { fixture, bringBack, steps } = await session();
    await fixture.break();
    const changed = await fixture.read("src/app.js");
    fixture.git("add", "src/debug.js");
    const [preserve] = await steps();
    expect(preserve?.title).toContain("not committed: 2 changed");
    await bringBack("aside");
    expect(Object.keys(await filesOf(fixture.top, ["uploads"]))).toEqual([
      ".gitignore",
      "run.sh",
      "src/app.js",
    ]);
    expect(fixture.git("show", "refs/backout/aside:src/debug.js")).toBe("left over");
    fixture.git("checkout", "--quiet", "refs/backout/aside", "--", "src/app.js");
    expect(await fixture.read("src/app.js")).toBe(changed);
  });

  test("H14 H66 a merge is left behind without moving a branch or pushing", async () => {
    const { fixture, bringBack, observe } = await session();
    await fixture.break();
    const refs = fixture.git("for-each-ref", "refs/heads");
    const theirs = gitIn(fixture.origin, "for-each-ref");
    expect((await observe()).summary).toMatch(/3 commits newer \(1 merges\), 5 files differ/);
    await bringBack("merge");
    expect(fixture.git("for-each-ref", "refs/heads")).toBe(refs);
    expect(gitIn(fixture.origin, "for-each-ref")).toBe(theirs);
    expect(fixture.git("rev-parse", "--abbrev-ref", "HEAD")).toBe("HEAD");
  });

  test("only uncommitted changes: back on the same branch", async () => {
    const { fixture, bringBack } = await session();
    await fixture.write("src/app.js", "changed by hand\n");
    await bringBack("same branch");
    expect(fixture.git("rev-parse", "--abbrev-ref", "HEAD")).toBe("main");
    await fixture.isGood();
  });

  test("commits that no branch leads to are set aside before HEAD leaves them", async () => {
    const { fixture, bringBack } = await session();
    fixture.git("checkout", "--quiet", "--detach");
    await fixture.write("src/app.js", "committed on no branch\n");
    fixture.git("commit", "--quiet", "--all", "-m", "On no branch");
    const lost = fixture.git("rev-parse", "HEAD");
    await bringBack("lost");
    expect(fixture.git("rev-parse", "refs/backout/lost^1")).toBe(lost);
  });

  test("an ignored file where the commit has one is set aside before it is overwritten", async () => {
    const { fixture, bringBack } = await session();
    fixture.git("rm", "--quiet", "src/app.js");
    await fixture.write(".gitignore", "uploads/\nsrc/app.js\n");
    fixture.git("commit", "--quiet", "--all", "-m", "Ignore what was known");
    await fixture.write("src/app.js", "precious, and ignored\n");
    await bringBack("in the way");
    expect(fixture.git("show", "refs/backout/in-the-way:src/app.js")).toBe("precious, and ignored");
    await fixture.isGood();
  });

  test("files that only the version left ignored stay, and are no difference afterwards", async () => {
    const made = await session();
    const { fixture, taken } = made;
    await fixture.write(".gitignore", "uploads/\ndata \\[1\\]/\n");
    fixture.git("commit", "--quiet", "--all", "-m", "Ignore more");
    await fixture.write("data [1]/orders.db", "orders\n");
    for (const step of await planned(made)) await made.apply(step, "ignored");
    expect(await fixture.read("data [1]/orders.db")).toBe("orders\n");
    expect(await failed(made)).toEqual([]);
    expect((await made.observe()).identity).toBe(taken.part.identity);
    expect(await planned(made)).toEqual([]);
  });

  test("M15 a kept path stays as it is, committed or not; a second plan is empty", async () => {
    const made = await session();
    const { fixture } = made;
    await fixture.break();
    await fixture.write("headers/csp.conf", "strict\n");
    const keep = ["src/new.js", "headers"];
    for (const step of await planned(made, { keep })) await made.apply(step, "keep");
    expect(await fixture.read("src/new.js")).toBe("new 1\n");
    expect(await fixture.read("headers/csp.conf")).toBe("strict\n");
    expect(await fixture.read("src/app.js")).toBe("good\n");
    expect(await failed(made, keep)).toEqual([]);
    expect(await failed(made)).toEqual(["files"]);
    expect(await planned(made, { keep })).toEqual([]);
    const outside = planned(made, { keep: ["../elsewhere"] });
    expect((await rejection(() => outside)).message).toContain('"../elsewhere" is no path inside');
  });

  test("M15 a kept file that was captured, and is committed otherwise since, stays as it is committed", async () => {
    const made = await session();
    const { fixture } = made;
    await fixture.write("run.sh", "#!/bin/sh\nexec mended\n");
    await fixture.write("src/app.js", "bad\n");
    fixture.git("commit", "--quiet", "--all", "-m", "A release with a fix");
    const keep = ["run.sh"];
    for (const step of await planned(made, { keep })) await made.apply(step, "keep");
    expect(await fixture.read("run.sh")).toBe("#!/bin/sh\nexec mended\n");
    expect(await fixture.read("src/app.js")).toBe("good\n");
    expect(await failed(made, keep)).toEqual([]);
    expect(await planned(made, { keep })).toEqual([]);
  });

  test("a merge that ended in conflicts is set aside and left", async () => {
    const { fixture, bringBack } = await session();
    fixture.git("checkout", "--quiet", "-b", "other");
    await fixture.write("src/app.js", "theirs\n");
    fixture.git("commit", "--quiet", "--all", "-m", "Theirs");
    fixture.git("checkout", "--quiet", "main");
    await fixture.write("src/app.js", "ours\n");
    fixture.git("commit", "--quiet", "--all", "-m", "Ours");
    expect(() => fixture.git("merge", "other")).toThrow();
    await bringBack("conflict");
    expect(fixture.git("show", "refs/backout/conflict:src/app.js")).toContain("<<<<<<<");
    await fixture.isGood();
  });

  test("a rebase half-way is refused with the command that ends it", async () => {
    const made = await session();
    const { fixture } = made;
    await fixture.break();
    fixture.git("stash", "--quiet", "--include-untracked");
    fixture.git("checkout", "--quiet", "-b", "topic", "HEAD~1");
    await fixture.write("src/app.js", "conflicting\n");
    fixture.git("commit", "--quiet", "--all", "-m", "Topic");
    await fixture.write("src/app.js", "main moved\n");
    fixture.git("checkout", "--quiet", "--force", "main");
    await fixture.write("src/app.js", "on main\n");
    fixture.git("commit", "--quiet", "--all", "-m", "On main");
    expect(() => fixture.git("rebase", "main", "topic")).toThrow();
    const error = await rejection(() => planned(made));
    expect([error.code, error.hint]).toEqual(["REFUSED", "in app: git rebase --abort"]);
    const again = await rejection(() => made.contexts.take(target, made.resolved));
    expect([again.code, again.message]).toEqual(["CONFLICT", "app: is in the middle of a rebase"]);
  });

  test("a lock that a killed git of the same step left is removed; an older one is not", async () => {
    const made = await session();
    const { fixture } = made;
    await fixture.break();
    const steps = await planned(made);
    const [preserve, restore] = steps;
    if (preserve === undefined || restore === undefined) throw new Error("two steps were to be planned");
    await made.apply(preserve, "locked");
    const lock = join(fixture.top, ".git/index.lock");
    const marker = join(fixture.top, ".git/backout/restoring");
    await writeFile(marker, "locked/restore");
    await writeFile(lock, "half");
    await made.apply(restore, "locked", 2);
    await fixture.isGood();
    expect(made.contexts.lines.join("\n")).toContain("index.lock, left by a git of this step");

    await writeFile(lock, "somebody else's");
    await utimes(lock, new Date(1_000), new Date(1_000));
    const error = await rejection(() => made.apply(restore, "other", 1));
    expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
    await rm(lock);
  });

  test("H21 cut off in the middle of the checkout, the next attempt ends the same", async () => {
    const made = await session({ dirty: true });
    const { fixture, job, contexts, taken } = made;
    await fixture.break();
    const [preserve, restore] = await planned(made);
    if (preserve === undefined || restore === undefined) throw new Error("two steps were to be planned");
    await made.apply(preserve, "cut");
    await writeFile(join(fixture.top, ".git/backout/restoring"), "cut/restore");
    fixture.git("read-tree", "--reset", "refs/backout/cut");
    await fixture.write("src/app.js", "go");
    await rm(join(fixture.top, "src/side.js"));
    const settled = await target.settle(job(restore), await contexts.step(taken, "cut/restore", 1));
    expect(settled.state).toBe("partial");
    await made.apply(restore, "cut", 2);
    await fixture.isGood();
  });

  test("a commit that is no longer here is fetched by its tag", async () => {
    const made = await session();
    const { fixture, taken } = made;
    const tag = fixture.git("tag", "--list", "backout/*");
    fixture.git("checkout", "--quiet", "--orphan", "anew");
    fixture.git("commit", "--quiet", "-m", "History written anew");
    fixture.git("branch", "--quiet", "-D", "main");
    fixture.git("tag", "--delete", tag);
    fixture.git("update-ref", "-d", "refs/remotes/origin/main");
    fixture.git("update-ref", "-d", "ORIG_HEAD");
    fixture.git("reflog", "expire", "--expire=now", "--all");
    fixture.git("gc", "--quiet", "--prune=now");
    const commit = taken.part.identity.replace("commit:", "");
    expect(() => fixture.git("cat-file", "-e", commit)).toThrow();
    await made.bringBack("fetched");
    await fixture.isGood();
  });

  test("a proof fails when the tag was moved or is gone from the remote", async () => {
    const { fixture, taken, resolved, contexts } = await session();
    const tag = fixture.git("tag", "--list", "backout/*");
    fixture.git("commit", "--quiet", "--allow-empty", "-m", "Next");
    fixture.git("tag", "--force", tag, "HEAD");
    gitIn(fixture.origin, "tag", "--delete", tag);
    const proof = await target.prove?.(taken.part, resolved, await contexts.prove(taken));
    const wrong = proof?.checks.filter(({ result }) => result === "failed").map(({ name }) => name);
    expect(wrong).toEqual([`tag ${tag} points at the commit`, `origin has the tag ${tag}`]);
  });

  test("H13 L16 versions are in version order, candidates after their release, then recent commits", async () => {
    const { fixture, contexts } = await session();
    for (const tag of ["v2.9.0", "v2.10.0", "v2.10.0-rc1", "v1.0.0"]) fixture.git("tag", tag);
    const found = await versions({ path: "app", tagPrefix: "backout/" }, contexts.plain());
    const names = found.filter(({ summary }) => summary.startsWith("tag")).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("v"))).toEqual([
      "v2.10.0",
      "v2.10.0-rc1",
      "v2.9.0",
      "v1.0.0",
    ]);
    const head = fixture.git("rev-parse", "HEAD");
    const identities = found.filter(({ name }) => name.startsWith("v")).map(({ identity }) => identity);
    expect(new Set(identities)).toEqual(new Set([`commit:${head}`]));
    expect(found.at(-1)).toMatchObject({ identity: `commit:${head}`, summary: "commit: First release" });
  });

  test("check warns of what does not come back: submodules, LFS, shallow history, detached commits", async () => {
    const { fixture, contexts, resolved } = await session();
    await fixture.write(".gitmodules", "");
    await fixture.write(".gitattributes", "*.bin filter=lfs\n");
    fixture.git("checkout", "--quiet", "--detach");
    await writeFile(join(fixture.top, ".git/shallow"), `${fixture.git("rev-parse", "HEAD")}\n`);
    const problems = (await target.check?.(resolved, contexts.plain())) ?? [];
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    const said = problems.map(({ message }) => message).join("\n");
    for (const part of ["submodules", "Git LFS", "shallow clone", "HEAD is detached"])
      expect(said).toContain(part);
  });

  test("looking leaves index, objects and files as they are", async () => {
    const { fixture, observe, verify } = await session({ dirty: true });
    await fixture.break();
    const look = async () => [await filesOf(join(fixture.top, ".git")), await filesOf(fixture.top)];
    const before = await look();
    await observe();
    await verify();
    expect(await look()).toEqual(before);
  });

  test("a remote's credentials are never shown", async () => {
    const { fixture, contexts, resolved } = await session();
    fixture.git("remote", "set-url", "origin", "http://bot:hunter2@127.0.0.1:1/app.git");
    const problems = (await target.check?.(resolved, contexts.plain())) ?? [];
    const said = JSON.stringify(problems);
    expect(said).toContain("http://***@127.0.0.1:1/app.git");
    expect(said).not.toContain("hunter2");
  });
});
