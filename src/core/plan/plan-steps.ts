import type { StepSpec, TargetDriver } from "../driver.js";
import type { CheckDefinition, Playbook, TargetDefinition } from "../playbook/playbook.js";
import { barriers, linkSteps, stepId } from "./link-steps.js";
import type { PlanStep } from "./plan.js";
import { usesOf } from "./uses.js";

type Targets = {
  readonly targets: Readonly<Record<string, Pick<TargetDefinition, "driver" | "uses">>>;
};
type Checks = {
  readonly checks: Readonly<Record<string, Pick<CheckDefinition, "driver" | "within" | "stable">>>;
};

/** What the targets' drivers want done, linked. */
export function targetSteps(playbook: Targets, specs: ReadonlyMap<string, readonly StepSpec[]>): PlanStep[] {
  const linked = [...specs].map(([target, own]) => ({ target, specs: own }));
  const links = linkSteps(linked, usesOf(playbook));
  return linked.flatMap(({ target, specs: own }) => {
    const { driver } = playbook.targets[target] as Pick<TargetDefinition, "driver">;
    return own.map((spec): PlanStep => {
      const id = stepId(target, spec.operation);
      return {
        id,
        kind: "apply",
        subject: target,
        driver,
        operation: spec.operation,
        title: spec.title,
        phase: spec.phase,
        needs: links.get(id)?.needs ?? [],
        awaits: links.get(id)?.awaits ?? [],
        input: spec.input,
        impact: spec.impact ?? {},
        expectedMs: spec.expectedMs,
        timeoutMs: spec.timeoutMs ?? Math.max(30_000, spec.expectedMs * 10),
        retries: spec.retries ?? 2,
        onFailure: spec.onFailure ?? "stop",
        ...(spec.onIndeterminate === undefined ? {} : { onIndeterminate: spec.onIndeterminate }),
      };
    });
  });
}

/** Comparisons of what was restored with what was captured, where the driver can. */
export function verifySteps(
  playbook: Pick<Playbook, "targets">,
  drivers: ReadonlyMap<string, TargetDriver>,
  restored: readonly string[],
): PlanStep[] {
  return restored.flatMap((subject) => {
    const { driver, with: options } = playbook.targets[subject] as TargetDefinition;
    const known = drivers.get(driver);
    if (known?.verify === undefined) return [];
    if (known.verifies !== undefined && !known.verifies(known.options.parse(options))) return [];
    const title = "compare with the checkpoint";
    return [verifyStep(subject, driver, title)];
  });
}

export const verifyStep = (subject: string, driver: string, title: string): PlanStep =>
  checkStep({ id: stepId(subject, "verify"), kind: "verify", subject, driver, title }, 500, 60_000);

export function checkSteps(playbook: Checks, names: readonly string[]): PlanStep[] {
  return names.flatMap((subject) => {
    const check = Object.hasOwn(playbook.checks, subject) ? playbook.checks[subject] : undefined;
    if (check === undefined) return [];
    const { driver, within, stable } = check;
    const step = { id: stepId("check", subject), kind: "check", subject, driver, title: subject } as const;
    return [checkStep(step, 500 + stable, within + stable + 30_000)];
  });
}

function checkStep(
  step: Pick<PlanStep, "id" | "subject" | "driver" | "title"> & { readonly kind: "verify" | "check" },
  expectedMs: number,
  timeoutMs: number,
): PlanStep {
  return {
    ...step,
    operation: step.kind,
    phase: "check",
    needs: [],
    awaits: barriers("check", false),
    input: {},
    impact: {},
    expectedMs,
    timeoutMs,
    retries: 0,
    onFailure: "continue",
  };
}
