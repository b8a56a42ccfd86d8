import type { Command } from "commander";
import type { RollbackRequest } from "../../app/roll-back.js";
import type { OpenServices } from "../../app/services.js";
import type { Wiring } from "../../app/wiring.js";
import { BackoutError } from "../../core/errors.js";
import type { Plan } from "../../core/plan/plan.js";
import { addServicesCommand } from "../add-command.js";
import { confirm } from "../confirm.js";
import { joinDone, joinNewer, joinRequested } from "../join-earlier.js";
import { addPlanOptions, type PlanOptions, planChoice, withPlaces } from "../plan-options.js";
import { followToEnd, showRun } from "../run-output.js";
import type { Session } from "../session.js";

export const runExits = {
  3: "rolled back but not verified",
  4: "stopped half-way, resumable",
  5: "another run holds the lock",
};

const help = {
  summary: "go back: plan, ask once, execute, verify",
  examples: [
    "backout rollback",
    "backout rollback code --change v2 --reason 'errors above 5 %'",
    "backout rollback --yes --json",
    "backout rollback --yes --request deploy-4711   # for callers that repeat after a time-out",
    "backout rollback full --to-revision api=3 --to-image web=shop/web:v41   # where you say, not the checkpoint",
    "backout rollback --undo                        # the newest run",
    "backout rollback --undo run-20261122-055844-x7k2 --no-checks",
  ],
  exits: runExits,
};

interface Options extends PlanOptions {
  readonly yes?: boolean;
  readonly reason?: string;
  /** `true`: the newest run. */
  readonly undo?: string | true;
  readonly checks: boolean;
  readonly request?: string;
  readonly again?: boolean;
}

export const addRollback = (program: Command, wiring: Wiring): Command =>
  addPlanOptions(
    addServicesCommand<Options>(program, "rollback [scenario]", help, wiring, async (call) => {
      const { session, options } = call;
      refuseMixed(options, call.args[0]);
      const { services, scenario } = await withPlaces(call.services, options, call.args[0]);
      const { lastRun } = await import("../../app/find-run.js");
      const seen = { run: (await lastRun(services))?.run.id };
      const { request } = options;
      const asked = request === undefined ? undefined : await joinRequested(session, services, request);
      if (asked !== undefined) return asked;
      const aim = await aimOf(services, options, scenario);
      const meanwhile = async (): Promise<number | undefined> =>
        (await joinRunning(session, services, aim)) ?? joinNewer(session, services, seen.run, aim);
      const joined = await meanwhile();
      if (joined !== undefined) return joined;
      const plan = await plannedUnless(meanwhile, async () => {
        await refuseEarly(services, aim);
        return makePlan(session, services, options, scenario);
      });
      if (typeof plan === "number") return plan;
      if (plan.steps.every((step) => step.kind !== "apply"))
        return (await meanwhile()) ?? tellNothingToDo(session, plan);
      const done = options.again ? undefined : await joinDone(session, services, plan);
      if (done !== undefined) return done;
      if (!(await agreed(session, plan, options.yes ?? false))) return 1;
      const { reason = "asked for on the command line" } = options;
      return execute(session, services, plan, {
        reason,
        seen,
        ...(request === undefined ? {} : { request }),
      });
    }),
  )
    .option("--undo [run]", "take a rollback back, from what it kept (default: the newest run)")
    .option("--no-checks", "with --undo: do not ask the checks, which may be about the version left")
    .option(
      "--request <id>",
      "a name of your own for this request: asked again by it, no second run is started",
    )
    .option("--again", "once more, though the same was done and verified a short while ago")
    .option("-y, --yes", "do not ask")
    .option("--reason <text>", "why, for the timeline and the report");

/** What planning says counts only if no other run came between: that one may have done what was asked for. */
async function plannedUnless(
  meanwhile: () => Promise<number | undefined>,
  plan: () => Promise<Plan>,
): Promise<Plan | number> {
  try {
    return await plan();
  } catch (error) {
    const status = await meanwhile();
    if (status === undefined) throw error;
    return status;
  }
}

/** What goes back by a checkpoint has no meaning for an undo, and the other way round. */
function refuseMixed(options: Options, scenario: string | undefined): void {
  const { undo, checks, change, checkpoint, acceptUnproven, acceptKnownBad, toRevision, toImage } = options;
  const named = [scenario, change, checkpoint, acceptUnproven, acceptKnownBad, ...toRevision, ...toImage];
  const other = named.some((one) => one !== undefined);
  const hint = "backout rollback --help";
  if (undo !== undefined && other) {
    const fact = "--undo goes with a run alone: no scenario, change, checkpoint or --accept";
    throw new BackoutError("USAGE", `rollback: ${fact}`, { effect: "none", hint });
  }
  if (undo === undefined && !checks) {
    throw new BackoutError("USAGE", "rollback: --no-checks goes with --undo alone", { effect: "none", hint });
  }
}

/** What is asked for, as far as it is known before the plan. */
type Aim = Partial<Pick<Plan, "scenario" | "undoes">>;

async function aimOf(services: OpenServices, { undo }: Options, scenario: string | undefined): Promise<Aim> {
  if (undo === undefined) return scenario === undefined ? {} : { scenario };
  const { findRun } = await import("../../app/find-run.js");
  const { run, state } = await findRun(services, undo === true ? undefined : undo);
  // An undo that is still going on is what `--undo` alone then means, too.
  return { undoes: (undo === true && state.status !== "finished" ? run.plan.undoes : undefined) ?? run.id };
}

async function makePlan(
  session: Session,
  services: OpenServices,
  options: Options,
  scenario: string | undefined,
): Promise<Plan> {
  const { undo, checks } = options;
  if (undo === undefined) {
    const { planRollback } = await import("../../app/plan-rollback.js");
    return planRollback(services, planChoice(session, options, scenario));
  }
  const { planUndo } = await import("../../app/plan-undo.js");
  return planUndo(services, { signal: session.interrupt, run: undo === true ? undefined : undo, checks });
}

/** Somebody is doing it already: watch that run instead of starting a second one. */
async function joinRunning(session: Session, services: OpenServices, aim: Aim): Promise<number | undefined> {
  const { runInProgress } = await import("../../app/run-lease.js");
  const run = await runInProgress(services);
  if (run === undefined) return undefined;
  const { id, plan } = run;
  const { aimText, sameAim } = await import("../../core/plan/same-aim.js");
  const wanted = { scenario: plan.scenario, ...aim };
  if (!sameAim(wanted, plan)) {
    throw new BackoutError(
      "LOCKED",
      `run "${id}" (${aimText(plan)}) is in progress; ${aimText(wanted)} would get in its way`,
      {
        effect: "none",
        hint: "backout status, and backout cancel to end it",
      },
    );
  }
  session.note(`run ${id} (${aimText(plan)}) is in progress already; joined it`);
  return followToEnd(session, services, id);
}

/** Before a plan is shown that could not be executed. */
async function refuseEarly(services: OpenServices, { scenario, undoes }: Aim): Promise<void> {
  const [only, ...others] = Object.keys(services.playbook.scenarios);
  const wanted = scenario ?? (others.length === 0 ? only : undefined);
  if (wanted === undefined || undoes !== undefined) return;
  const { refuseUnfinished } = await import("../../app/roll-back.js");
  await refuseUnfinished(services, { scenario: wanted });
}

function tellNothingToDo(session: Session, plan: Plan): number {
  if (session.options.json) session.json({ nothingToDo: true, plan: plan.digest });
  else
    session.print(`${plan.scenario}: everything is as the checkpoint has it; there is nothing to roll back`);
  return 0;
}

async function agreed(session: Session, plan: Plan, yes: boolean): Promise<boolean> {
  if (!session.options.json) {
    const { renderPlan } = await import("../render/render-plan.js");
    session.print(renderPlan(plan, { ...session.render(), all: false }));
  }
  if (yes) return true;
  if (!session.interactive) {
    throw new BackoutError("USAGE", "rollback: nobody can be asked here, since this is not a terminal", {
      effect: "none",
      hint: "backout plan to look, backout rollback --yes to go",
    });
  }
  await repeatHeadline(session, plan);
  if (await confirm(session, plan.undoes === undefined ? "Roll back like this?" : "Take it back like this?"))
    return true;
  session.print("nothing was changed");
  return false;
}

/** A plan taller than the terminal has pushed out of sight what must be read before saying yes. */
async function repeatHeadline(session: Session, plan: Plan): Promise<void> {
  const { renderPlan } = await import("../render/render-plan.js");
  const { planHeadline } = await import("../render/plan-headline.js");
  const options = session.render();
  const lines = renderPlan(plan, { ...options, all: false }).split("\n").length;
  if (lines + 1 >= session.stdout.rows) session.print(`\n${planHeadline(plan, options).join("\n")}`);
}

async function execute(
  session: Session,
  services: OpenServices,
  plan: Plan,
  request: Pick<RollbackRequest, "reason" | "seen" | "request">,
): Promise<number> {
  const { rollBack } = await import("../../app/roll-back.js");
  try {
    return await showRun(session, services, plan, (events) =>
      rollBack(services, plan, { ...events, ...request }),
    );
  } catch (error) {
    if (error instanceof BackoutError && error.code === "LOCKED") {
      const joined =
        (await joinRunning(session, services, plan)) ??
        (await joinNewer(session, services, request.seen?.run, plan));
      if (joined !== undefined) return joined;
    }
    throw error;
  }
}
