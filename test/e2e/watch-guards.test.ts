import { rmSync } from "node:fs";
import { expect } from "vitest";
import { jsonLines } from "../support/backout-process.js";
import { rewrite, terminated, test } from "../support/system-test.js";

test("cool-down: what fires without having fired anew after a rollback needs a person, and until when is said", async ({
  system,
  program,
}) => {
  await program.done("checkpoint", "--change", "v2");
  system.deploy();
  await program.done("rollback", "full", "--yes");
  // The next release is out: there is something to go back to, and a change.
  await program.done("checkpoint", "--change", "v2");
  system.deploy();
  const decided = await program.run("decide", "--answer", "errors=yes", "--json");
  expect(jsonLines(decided.stdout), decided.stdout + decided.stderr).toMatchObject([
    {
      recommendation: {
        asked: "auto",
        mode: "approve",
        held: [
          { guard: "cool-down", why: expect.stringMatching(/a short while ago .*: cool-down until \d{4}-/) },
        ],
      },
    },
  ]);
});

test("refused: a rollback that cannot start is said with its reason, needs a person, and nothing has moved", async ({
  system,
  program,
}) => {
  rewrite(system, "scenarios:\n", "scenarios:\n  release: { restore: [code] }\n");
  rewrite(system, "scenario: full, mode: auto", "scenario: release, mode: auto");
  await program.done("checkpoint");
  system.answer(500);
  const watch = program.start("watch", "--service");
  // Nothing was rolled out since: going back cannot mend it.
  await watch.said('"release" could not be started: release: everything is as the checkpoint has it');
  await watch.said('needs a person, backout rollback release, since "release" could not be started');
  await terminated(watch);
  expect(await program.runs()).toBe(0);
});

test("not measured: what fires on what was measured before starts nothing by itself", async ({
  system,
  program,
}) => {
  const signal =
    "  failing: { driver: command, with: { program: [cat, level] }, every: 200ms, timeout: 10s }\n";
  rewrite(system, /^ {2}failing:\n[^]*?(?=^triggers:)/m, signal);
  system.write("level", "5");
  const watch = program.start("watch", "--service");
  await watch.said("there is no checkpoint to go back to");
  rmSync(system.path("level"));
  await watch.said('"errors" fires on what was measured before');
  // What held it before is gone now, and it still needs a person.
  await program.done("checkpoint");
  system.deploy();
  await watch.said('needs a person, backout rollback full, since "errors" fires on what was measured before');
  expect(await program.runs()).toBe(0);
  // Measured again, it goes back by itself.
  system.write("level", "5");
  await watch.said("rolled back and");
  await terminated(watch);
  expect(system.items()).toEqual(["one", "two"]);
});
