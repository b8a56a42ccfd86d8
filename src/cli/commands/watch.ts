import type { Command } from "commander";
import type { FoundRun } from "../../app/find-run.js";
import type { OpenServices } from "../../app/services.js";
import type { WatchEnd } from "../../app/watch-system.js";
import type { Wiring } from "../../app/wiring.js";
import type { Recommendation } from "../../core/decision/decide.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { Plan } from "../../core/plan/plan.js";
import { durationMs } from "../../core/playbook/duration.js";
import { addServicesCommand } from "../add-command.js";
import { isLeft, runEvents, tellEnd } from "../run-output.js";
import type { Session } from "../session.js";
import { refuseUnknownChange } from "../unknown-change.js";
import { runExits } from "./rollback.js";

const help = {
  summary: "read the signals, judge the triggers, decide; in mode auto, roll back",
  examples: [
    "backout watch",
    "backout watch --change v2 --until 30m   # the gate of a pipeline: 0 only if it stayed GREEN",
    "backout watch --service                 # for a service manager: lines, no screen; goes on after a rollback",
    "backout watch --advise --json",
  ],
  exits: {
    ...runExits,
    0: "with --until: it stayed GREEN; else: rolled back and verified",
    3: "it did not stay GREEN, also where that was rolled back; or rolled back but not verified",
  },
};

interface Options {
  readonly change?: string;
  readonly until?: string;
  readonly advise?: boolean;
  readonly service?: boolean;
}

export const addWatch = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(program, "watch", help, wiring, async ({ session, services, options }) => {
    refuseNothingToWatch(services);
    refuseUnknownChange(services, options.change);
    const { watchSystem } = await import("../../app/watch-system.js");
    const { watchView } = await import("../render/watch-view.js");
    const view = await watchView(session, services.playbook, options.service);
    const forMs = options.until === undefined ? undefined : untilMs(options.until);
    let end: WatchEnd;
    try {
      end = await watchSystem(services, {
        signal: session.interrupt,
        change: options.change,
        forMs,
        stays: options.service,
        looksOnly: options.advise,
        store: services.watchStore,
        onSample: view.onSample,
        onJudgement: view.onJudgement,
        onNotice: view.onNotice,
        act: (recommendation, trigger) => act(session, services, options, view, recommendation, trigger),
      });
    } finally {
      view.end();
    }
    const { run } = end;
    const ended =
      run === undefined || options.service === true ? undefined : await tellEnd(session, services, run);
    if (ended !== undefined) return ended === 0 && forMs !== undefined ? 3 : ended;
    if (session.interrupt.aborted) return options.service === true ? 0 : 130;
    if (!options.json) {
      const green = end.worst === "GREEN" ? "it stayed GREEN" : `worst verdict ${end.worst}`;
      session.print(`watched for ${options.until}: ${green}`);
    }
    return end.worst === "GREEN" ? 0 : 3;
  })
    .option("--change <name>", "the change that has just been rolled out")
    .option("--until <duration>", "watch for so long, then end with 0 if it stayed GREEN")
    .option("--service", "for a service manager: no screen, and it goes on after a rollback")
    .option("--advise", "never roll back: only say what should be done");

async function act(
  session: Session,
  services: OpenServices,
  options: Options,
  view: { end(): void },
  recommendation: Recommendation,
  trigger: JsonObject,
): Promise<FoundRun | undefined> {
  const { planRollback } = await import("../../app/plan-rollback.js");
  const { rollBack } = await import("../../app/roll-back.js");
  const { scenario, why } = recommendation;
  const plan = await planRollback(services, { signal: session.interrupt, scenario, change: options.change });
  refuseEmpty(plan);
  view.end();
  if (!session.options.json) {
    const { renderPlan } = await import("../render/render-plan.js");
    session.print(renderPlan(plan, { ...session.render(), all: false }));
  }
  const { events, end } = await runEvents(session, plan, isLeft(services));
  try {
    const found = await rollBack(services, plan, { ...events, reason: why, trigger });
    end(found.state);
    if (options.service === true) await tellEnd(session, services, found);
    return found;
  } catch (error) {
    end();
    throw error;
  }
}

/** The triggers fire and nothing differs from the checkpoint: going back cannot mend that. */
function refuseEmpty({ scenario, steps }: Plan): void {
  if (steps.some(({ kind }) => kind === "apply")) return;
  throw new BackoutError(
    "REFUSED",
    `${scenario}: everything is as the checkpoint has it; this is an outage`,
    {
      effect: "none",
      hint: "backout verify; what is wrong is not what was rolled out",
    },
  );
}

function refuseNothingToWatch({ playbook }: OpenServices): void {
  if (Object.keys(playbook.triggers).length > 0) return;
  throw new BackoutError("REFUSED", "there is nothing to watch: the playbook has no triggers", {
    effect: "none",
    hint: "add signals: and triggers: to the playbook, then: backout check",
  });
}

function untilMs(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  throw new BackoutError("USAGE", `--until: "${text}" is not a duration with a unit`, {
    effect: "none",
    hint: "--until 30m",
  });
}
