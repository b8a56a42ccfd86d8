import fc from "fast-check";
import * as z from "zod";
import {
  type CapturedPart,
  type Observation,
  type Phase,
  phases,
  type StepSpec,
  type TargetDriver,
} from "../../src/core/driver.js";
import { BackoutError } from "../../src/core/errors.js";
import type { JsonObject } from "../../src/core/json.js";
import type { PlanRequest } from "../../src/core/plan/make-plan.js";
import type { Playbook, ScenarioDefinition } from "../../src/core/playbook/playbook.js";

/** Requests for tests: a target's options are the very steps that its driver plans. */

export const scripted: TargetDriver = {
  kind: "target",
  id: "scripted",
  title: "plans what its options say",
  options: z.object({
    restore: z.array(z.any()).default([]),
    quiesce: z.array(z.any()).default([]),
    restart: z.array(z.any()).default([]),
    refuse: z.string().optional(),
  }),
  observe: async () => seen("now"),
  plan({ options, intent }) {
    const { restore, quiesce, restart, refuse } = options as Record<
      "restore" | "quiesce" | "restart",
      StepSpec[]
    > & {
      refuse?: string;
    };
    if (refuse !== undefined) throw new BackoutError("REFUSED", refuse, { hint: "mend it" });
    return [
      ...(intent.restore ? restore : []),
      ...(intent.quiesce ? quiesce : []),
      ...(intent.restart ? restart : []),
    ];
  },
  apply: async () => ({ summary: "done", changed: true }),
  settle: async () => ({ state: "applied", summary: "done" }),
  verify: async () => [],
};

export const seen = (identity: string): Observation => ({ identity, summary: identity, data: {} });

export const captured = (identity: string): CapturedPart => ({
  identity,
  summary: `state ${identity}`,
  data: {},
  artifacts: [],
  at: 1000,
});

export const spec = (operation: string, phase: Phase, more: Partial<StepSpec> = {}): StepSpec => ({
  operation,
  title: `do ${operation}`,
  phase,
  input: {},
  expectedMs: 100,
  ...more,
});

export interface TargetSketch {
  readonly uses?: readonly string[];
  readonly restore?: readonly StepSpec[];
  readonly quiesce?: readonly StepSpec[];
  readonly restart?: readonly StepSpec[];
  readonly refuse?: string;
}

export function playbookOf(
  targets: Readonly<Record<string, TargetSketch>>,
  scenario: Partial<ScenarioDefinition> = {},
): Playbook {
  return {
    system: "shop",
    environment: "test",
    environments: ["test"],
    state: ".backout",
    objectives: {},
    proofs: { expire: 1 },
    retention: { keep: 1 },
    targets: Object.fromEntries(
      Object.entries(targets).map(([name, { uses = [], ...options }]) => [
        name,
        { driver: "scripted", with: options as unknown as JsonObject, uses },
      ]),
    ),
    changes: {},
    scenarios: {
      back: { strategy: "restore", restore: Object.keys(targets), restart: [], checks: [], ...scenario },
    },
    checks: { health: { driver: "probe", with: {}, within: 1000, stable: 0 } },
    signals: {},
    triggers: {},
    decisions: [],
    watch: { cooldown: 0, mute: 0 },
  };
}

/** A request in which everything has been captured and observed. */
export function requestFor(playbook: Playbook, more: Partial<PlanRequest> = {}): PlanRequest {
  const names = Object.keys(playbook.targets);
  return {
    playbook,
    scenario: "back",
    checkpoint: {
      id: "cp-1",
      at: 1000,
      parts: Object.fromEntries(names.map((name) => [name, { part: captured(`old-${name}`) }])),
    },
    drivers: new Map([["scripted", scripted]]),
    observations: Object.fromEntries(names.map((name) => [name, seen(`new-${name}`)])),
    knownBad: [],
    ...more,
  };
}

/** Steps of one target as a sensible driver may plan them: a step needs earlier ones only. */
const specs = (allowed: readonly Phase[], prefix: string): fc.Arbitrary<StepSpec[]> =>
  fc
    .array(
      fc.record({
        phase: fc.constantFrom(...allowed),
        exclusive: fc.boolean(),
        needs: fc.array(fc.nat(5), { maxLength: 2 }),
        expectedMs: fc.nat(1000),
        onFailure: fc.constantFrom("stop" as const, "stop" as const, "continue" as const),
        retries: fc.nat(2),
      }),
      { maxLength: 5 },
    )
    .map((drafts) =>
      drafts
        .sort((a, b) => phases.indexOf(a.phase) - phases.indexOf(b.phase))
        .map(({ phase, exclusive, needs, ...rest }, index) =>
          spec(`${prefix}${index}`, phase, {
            ...rest,
            ...(phase === "restore" && exclusive ? { exclusive } : {}),
            needs: [...new Set(needs.filter((need) => need < index).map((need) => `${prefix}${need}`))],
          }),
        ),
    );

/** What a database does: rarely met by chance. */
const besideAndSwap = [
  spec("keep", "preserve"),
  spec("drain", "quiesce"),
  spec("stage", "restore"),
  spec("compare", "restore", { needs: ["stage"] }),
  spec("swap", "restore", { exclusive: true, needs: ["compare"] }),
  spec("tidy", "restore", { needs: ["swap"] }),
  spec("admit", "resume"),
];

const target = (index: number): fc.Arbitrary<TargetSketch> =>
  fc.record({
    uses: fc
      .uniqueArray(fc.nat(7), { maxLength: 3 })
      .map((all) => all.filter((used) => used < index).map((used) => `t${used}`)),
    restore: fc.oneof(specs([...phases, "restore", "restore"], "r"), fc.constant(besideAndSwap)),
    quiesce: specs(["quiesce", "resume"], "q"),
    restart: specs(["resume"], "s"),
  });

/** Up to eight targets over an acyclic `uses`, some restored, some only restarted, with and without checks. */
export const requests: fc.Arbitrary<PlanRequest> = fc
  .integer({ min: 1, max: 8 })
  .chain((count) =>
    fc.record({
      targets: fc.tuple(...Array.from({ length: count }, (_, index) => target(index))),
      order: fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
      roles: fc.array(fc.constantFrom("restore", "restart", "none"), { minLength: count, maxLength: count }),
      checks: fc.constantFrom([], ["health"]),
    }),
  )
  .map(({ targets, order, roles, checks }) => {
    const having = (role: string): string[] =>
      roles.flatMap((one, index) => (one === role ? [`t${index}`] : []));
    const sketches = Object.fromEntries(order.map((index) => [`t${index}`, targets[index] as TargetSketch]));
    return requestFor(
      playbookOf(sketches, { restore: having("restore"), restart: having("restart"), checks }),
    );
  });
