import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../../src/core/ports.js";
import { target } from "../../src/drivers/git/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { withoutTools } from "../../src/drivers/testing/target-fixture.js";
import { type GitFixture, gitFixture, refusePushes } from "../support/git-fixture.js";

const withEnv =
  (env: Record<string, string>) =>
  (host: Host): Host => ({
    ...host,
    exec: (command) => host.exec({ ...command, env: { ...command.env, ...env } }),
  });

const aside = async (path: string) => {
  await rename(path, `${path}.aside`);
  return () => rename(`${path}.aside`, path);
};

const everywhere = ["check", "capture", "observe", "apply"] as const;

describeTarget<GitFixture>(target, {
  driver: "git",
  name: "git, committed work, with a remote",
  setUp: () => gitFixture({ dirty: false, remote: true }),
  artifacts: false,
  kills: 5,
  faults: [
    {
      name: "git missing",
      host: withoutTools,
      on: everywhere,
      code: "TOOL_MISSING",
      says: /git: program not found/,
    },
    {
      name: "work tree gone",
      arrange: ({ top }) => aside(top),
      on: everywhere,
      code: "NOT_FOUND",
      says: /app: does not exist/,
    },
    {
      name: "no repository",
      options: ({ options }) => ({ ...options, path: "plain" }),
      on: everywhere,
      code: "REFUSED",
      says: /plain: git cannot open it: not a git repository/,
    },
    {
      name: "bare repository",
      options: ({ options }) => ({ ...options, path: "origin.git" }),
      on: everywhere,
      code: "REFUSED",
      says: /origin\.git: is a bare repository/,
    },
    {
      name: "folder inside the work tree",
      options: ({ options }) => ({ ...options, path: "app/src" }),
      on: everywhere,
      code: "REFUSED",
      says: /app\/src: lies inside the work tree/,
    },
    {
      name: "repository of another owner",
      host: withEnv({
        GIT_TEST_ASSUME_DIFFERENT_OWNER: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
      }),
      on: everywhere,
      code: "DENIED",
      says: /app: git refuses it: .*dubious ownership/,
    },
    {
      name: "H66 remote that protects its tags",
      arrange: refusePushes,
      on: ["capture"],
      code: "DENIED",
      says: /origin: does not take the tag "backout\/.*pre-receive hook declined/,
    },
    {
      name: "remote gone",
      arrange: ({ origin }) => aside(origin),
      on: ["check", "capture"],
      code: "UNREACHABLE",
      says: /origin: .*does not appear to be a git repository/,
    },
    {
      name: "remote unknown",
      options: ({ options }) => ({ ...options, remote: "upstream" }),
      on: ["check"],
      code: "NOT_FOUND",
      says: /upstream: is no remote of .*, it has "origin"/,
    },
    {
      name: "somebody worked on after the plan",
      arrange: async ({ top }) => {
        await writeFile(join(top, "src/just-now.js"), "new work\n");
        return () => rm(join(top, "src/just-now.js"));
      },
      on: ["apply"],
      code: "CONFLICT",
      says: /app: was changed after the plan was made/,
    },
    {
      name: "lock of another git",
      arrange: async ({ top }) => {
        await writeFile(join(top, ".git/index.lock"), "");
        return () => rm(join(top, ".git/index.lock"));
      },
      on: ["apply"],
      code: "CONFLICT",
      says: /index\.lock: exists, so another git works here or was killed/,
    },
  ],
});

describeTarget<GitFixture>(target, {
  driver: "git",
  name: "git, uncommitted work, without a remote",
  setUp: () => gitFixture({ dirty: true, remote: false }),
  kills: 5,
  faults: [],
});
