import { describe, expect, test } from "vitest";
import type { CapturedPart, Intent, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type TargetData, unobserved } from "./identity.js";
import { plan } from "./plan.js";
import { targetOptions } from "./target-options.js";

const captured: CapturedPart<TargetData> = {
  identity: "sha256:good",
  summary: "good",
  data: { artifact: "output" },
  artifacts: [],
  at: 0,
};

interface Case {
  readonly options: Record<string, unknown>;
  readonly intent: Partial<Intent>;
  readonly part?: CapturedPart<TargetData> | undefined;
  readonly identity?: string;
  readonly restoreMs?: number;
}

function planned({ options, intent, part, identity = "sha256:bad", restoreMs }: Case): StepSpec[] {
  return plan({
    captured: part,
    restoreMs,
    observed: { identity, summary: identity, data: null },
    options: targetOptions.parse(options),
    intent: { restore: false, quiesce: false, restart: false, keep: [], ...intent },
  });
}

const operations = (given: Case): string[] =>
  planned(given).map(({ phase, operation }) => `${phase} ${operation}`);

const pair = { stop: ["stop"], start: ["start"] };
const lockdown = { lock: ["lockctl", "on"], unlock: ["lockctl", "off"] };
const both = { capture: ["dump"], restore: ["load"] };

test("H69 the plan says what becomes of a lockdown that cannot be lifted", () => {
  const [lock, unlock] = planned({ options: lockdown, intent: { quiesce: true } });
  expect(unlock?.needs).toEqual([lock?.operation]);
  expect([lock?.impact?.interrupts, unlock?.impact?.interrupts]).toEqual([true, true]);
  expect(unlock?.impact?.changes?.[0]?.after).toBe(
    "off; it stays on where a check does not pass or lifting it fails: then by hand with lockctl off",
  );
});

test.each([["lock"], ["unlock"]])("%s alone is a mistake", (name) => {
  expect(
    targetOptions.safeParse({ [name]: ["x"] }).error?.issues.map(({ message }) => message),
  ).toContainEqual(expect.stringContaining(`missing beside \`${name}\``));
});

describe("plan", () => {
  test.each<[name: string, given: Case, steps: string[]]>([
    ["nothing wanted", { options: pair, intent: {} }, []],
    ["restore", { options: both, intent: { restore: true }, part: captured }, ["restore restore"]],
    [
      "as captured already",
      { options: both, intent: { restore: true }, part: captured, identity: "sha256:good" },
      [],
    ],
    [
      "never observed, so always run",
      { options: { restore: ["purge"] }, intent: { restore: true }, identity: unobserved },
      ["restore restore"],
    ],
    [
      "never observed is equal to nothing",
      {
        options: { restore: ["purge"] },
        intent: { restore: true },
        identity: unobserved,
        part: { ...captured, identity: unobserved },
      },
      ["restore restore"],
    ],
    ["quiesce", { options: pair, intent: { quiesce: true } }, ["quiesce stop", "resume start"]],
    [
      "restart by its program",
      { options: { ...pair, restart: ["r"] }, intent: { restart: true } },
      ["resume restart"],
    ],
    ["restart without one", { options: pair, intent: { restart: true } }, ["resume stop", "resume start"]],
    ["a lockdown", { options: lockdown, intent: { quiesce: true } }, ["quiesce lock", "unfence unlock"]],
    [
      "M18 H69 locked out before it stops, let in after it was started and checked",
      { options: { ...pair, ...lockdown }, intent: { quiesce: true } },
      ["quiesce lock", "unfence unlock", "quiesce stop", "resume start"],
    ],
    [
      "no lockdown for a restart",
      { options: { ...pair, ...lockdown }, intent: { restart: true } },
      ["resume stop", "resume start"],
    ],
    [
      "quiesced is restarted too",
      { options: { ...pair, restart: ["r"] }, intent: { quiesce: true, restart: true } },
      ["quiesce stop", "resume start"],
    ],
  ])("%s", (_name, given, steps) => {
    expect(operations(given)).toEqual(steps);
  });

  test.each<[name: string, given: Case, says: string]>([
    ["quiesce without stop", { options: both, intent: { quiesce: true } }, "cannot be stopped"],
    ["restart without a way", { options: both, intent: { restart: true } }, "cannot be restarted"],
    ["restore without a program", { options: pair, intent: { restore: true } }, "no such program"],
    ["restore without a capture", { options: both, intent: { restore: true } }, "nothing was captured"],
    [
      "keep",
      { options: both, intent: { restore: true, keep: ["/a"] }, part: captured },
      '"/a" cannot be kept',
    ],
  ])("refuses: %s", (_name, given, says) => {
    let thrown: unknown;
    try {
      planned(given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(BackoutError);
    expect(thrown).toMatchObject({ code: "REFUSED", effect: "none", message: expect.stringContaining(says) });
    expect((thrown as BackoutError).hint).toBeTruthy();
  });

  test("start waits for stop, and stopping interrupts", () => {
    const [stop, start] = planned({ options: pair, intent: { quiesce: true } });
    expect(stop?.impact?.interrupts).toBe(true);
    expect(start?.needs).toEqual(["stop"]);
  });

  test("what was measured counts more than what is expected", () => {
    const options = { ...both, expected: "2m" };
    const given = { options, intent: { restore: true }, part: captured };
    expect(planned(given)[0]?.expectedMs).toBe(120_000);
    expect(planned({ ...given, restoreMs: 1_234 })[0]?.expectedMs).toBe(1_234);
  });

  test("the step's time-out leaves the program's own time to speak", () => {
    const options = { ...both, restore: { run: ["load"], timeout: "30s" }, exclusive: true };
    const [step] = planned({ options, intent: { restore: true }, part: captured });
    expect(step?.timeoutMs).toBe(40_000);
    expect(step?.exclusive).toBe(true);
  });

  test("the digest of a plan covers what will be run and what was seen", () => {
    const [step] = planned({ options: both, intent: { restore: true }, part: captured });
    expect(step?.input).toEqual({ program: ["load"], before: "sha256:bad" });
  });

  test.each<[options: Record<string, unknown>, reason: string | undefined]>([
    [{ ...both, undo: ["back"] }, undefined],
    [both, "there is no `undo` program that takes it back"],
    [{ ...both, irreversible: "mails are sent" }, "mails are sent"],
    [{ restore: ["purge"] }, "there is no `undo` program that takes it back"],
    [{ restore: ["purge"], undo: ["back"] }, undefined],
  ])("irreversible is said aloud: %j", (options, reason) => {
    const [step] = planned({ options, intent: { restore: true }, part: captured });
    expect(step?.impact?.irreversible).toBe(reason);
  });
});

test.each<[options: Record<string, unknown>, says: string]>([
  [{}, "does nothing"],
  [{ stop: ["x"] }, "must be started again"],
  [{ start: ["x"] }, "missing beside `start`"],
  [{ restore: ["x"], prove: ["x"] }, "nothing to prove"],
])("options %j are refused", (options, says) => {
  expect(targetOptions.safeParse(options).error?.issues[0]?.message).toContain(says);
});
