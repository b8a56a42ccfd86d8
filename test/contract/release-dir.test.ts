import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { target } from "../../src/drivers/release-dir/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { targetSession } from "../../src/drivers/testing/target-session.js";

const suite = { driver: "release-dir", setUp, artifacts: false };

describeTarget(target, {
  ...suite,
  faults: [
    {
      name: "releases folder gone",
      arrange: moved("releases"),
      code: ["NOT_FOUND", "REFUSED"],
      says: /releases/,
      on: ["check", "capture", "observe", "apply"],
    },
    {
      name: "current is a folder instead of a link",
      arrange: async ({ folder }) => {
        const at = join(folder, "current");
        const was = await readlink(at);
        await rm(at);
        await cp(join(folder, "releases/v2.9.0"), at, { recursive: true });
        return async () => {
          await rm(at, { recursive: true });
          await symlink(was, at);
        };
      },
      code: ["REFUSED", "CONFLICT"],
      says: /current: is (a directory, not a link|no link)/,
      on: ["check", "capture", "observe", "apply"],
    },
    {
      name: "link switched by somebody else after planning",
      arrange: async ({ folder }) => {
        const at = join(folder, "current");
        const was = await readlink(at);
        await rm(at);
        await symlink("releases/v3.0.0", at);
        return async () => {
          await rm(at);
          await symlink(was, at);
        };
      },
      code: "CONFLICT",
      says: /current: points to "releases\/v3\.0\.0"/,
      on: ["apply"],
    },
    {
      name: "link points out of the releases",
      options: ({ folder }) => ({ releases: "other", current: join(folder, "current") }),
      arrange: async ({ folder }) => {
        await mkdir(join(folder, "other"));
        return () => rm(join(folder, "other"), { recursive: true });
      },
      code: "REFUSED",
      says: /is no release/,
      on: ["check", "capture", "observe"],
    },
  ],
});

test("H34 the failed release, uploads included, is still there afterwards", async () => {
  await withSession(async ({ fixture, bringBack }) => {
    await fixture.break();
    await writeFile(join(fixture.folder, "releases/v2.10.0/upload.bin"), "a customer's file");
    await bringBack("run");
    expect(await readFile(join(fixture.folder, "releases/v2.10.0/upload.bin"), "utf8")).toBe(
      "a customer's file",
    );
  });
});

test.each([
  {
    what: "removed",
    alter: (path: string) => rm(path, { recursive: true }),
    says: /no longer on disk; present are: v2\.10\.0, v3\.0\.0/,
  },
  {
    what: "altered",
    alter: (path: string) => writeFile(join(path, "app.js"), "patched in place"),
    says: /was altered since the checkpoint/,
  },
])(
  "a captured release that was $what is refused when planned, and again when applied",
  async ({ alter, says }) => {
    await withSession(async ({ fixture, observe, plan, steps, apply }) => {
      await fixture.break();
      const planned = await steps();
      await alter(join(fixture.folder, "releases/v2.9.0"));
      const seen = await observe();
      expect((await rejection(async () => plan(seen))).message).toMatch(says);
      const before = await fixture.world();
      for (const step of planned) {
        const error = await rejection(() => apply(step, "run"));
        expect([error.code, error.effect]).toEqual(["REFUSED", "none"]);
      }
      expect(await fixture.world()).toBe(before);
    });
  },
);

test("a link that is gone altogether is put back", async () => {
  await withSession(async ({ fixture, bringBack }) => {
    await rm(join(fixture.folder, "current"));
    await bringBack("run");
  });
});

async function withSession(
  use: (session: Awaited<ReturnType<typeof targetSession>>) => Promise<void>,
): Promise<void> {
  const session = await targetSession(target, { ...suite, faults: [] });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
}

async function setUp(): Promise<TargetFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-release-dir-"));
  for (const version of ["v2.9.0", "v2.10.0", "v3.0.0"]) {
    await mkdir(join(folder, "releases", version, "log"), { recursive: true });
    await writeFile(join(folder, "releases", version, "app.js"), `serve("${version}")`);
    await writeFile(join(folder, "releases", version, "log/app.log"), "started\n");
  }
  const current = join(folder, "current");
  await symlink("releases/v2.9.0", current);
  const app = () => readFile(join(current, "app.js"), "utf8").catch(() => "no application");
  return {
    folder,
    options: { releases: "releases", current: "current", except: ["log"] },
    break: async () => {
      await writeFile(join(folder, "releases/v2.9.0/log/app.log"), `stopped at ${performance.now()}\n`);
      await symlink("releases/v2.10.0", `${current}.new`);
      await rename(`${current}.new`, current);
    },
    isGood: async () => {
      expect(await app()).toBe('serve("v2.9.0")');
      expect(await readlink(current)).toBe("releases/v2.9.0");
    },
    world: async () =>
      createHash("sha256")
        .update(await app())
        .digest("hex"),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

function moved(name: string) {
  return async ({ folder }: TargetFixture) => {
    await rename(join(folder, name), join(folder, `${name}.away`));
    return () => rename(join(folder, `${name}.away`), join(folder, name));
  };
}
