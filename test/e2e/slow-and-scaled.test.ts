import { expect } from "vitest";
import { rewrite, terminated, test } from "../support/system-test.js";

const copies = `  copies:
    driver: command
    with: { restart: { run: [node, scale.mjs, "5"] }, idempotent: true }
`;

test("W10 what is still slow after its rollback is scaled: the way that was tried is passed over, and a person agrees", async ({
  system,
  program,
}) => {
  system.write(
    "scale.mjs",
    'import { writeFileSync } from "node:fs"; writeFileSync("copies", process.argv[2]);',
  );
  rewrite(system, "targets:\n", `targets:\n${copies}`);
  rewrite(system, "scenarios:\n", "scenarios:\n  more_copies: { strategy: restore, restart: [copies] }\n");
  rewrite(
    system,
    "scenario: full, mode: auto",
    "scenario: [full, more_copies], mode: auto, class: performance",
  );
  rewrite(system, "timeout: 1s", "timeout: 30s");
  rewrite(system, /$/, "watch: { mute: 100ms, cooldown: 10m }\n");
  await program.done("checkpoint", "--change", "v2");
  system.deploy();
  const watch = program.start("watch", "--service", "--change", "v2");
  await watch.said("GREEN");
  system.answer(500);
  await watch.said('roll back by "full" by itself');
  await watch.said('roll back by "more_copies": needs a person, backout rollback more_copies');
  await watch.said('"full" would be cheaper, but it was tried by');
  expect(system.items()).toEqual(["one", "two"]);
  expect(await program.runs()).toBe(1);
  system.answer(200);
  await program.done("rollback", "more_copies", "--yes");
  expect(system.read("copies")).toBe("5");
  await terminated(watch);
});
