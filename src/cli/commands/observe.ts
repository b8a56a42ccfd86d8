import type { Command } from "commander";
import type { FollowEnd } from "../../app/follow-targets.js";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { lengthOf } from "../stretch-options.js";

const help = {
  summary: "see what runs: pods, events, logs and resource use, of what is being rolled back",
  examples: [
    "backout observe",
    "backout observe --follow              # in a second terminal, while a rollback runs; ends with it",
    "backout observe api web --until 10m   # these targets (or a scenario), for so long",
    "backout observe --follow --json",
  ],
  exits: {
    0: "all of it is as it is wanted, and ready",
    3: "something is not there yet, or will not become ready by itself",
  },
};

interface Options {
  readonly follow?: boolean;
  readonly until?: string;
}

const statuses: Readonly<Record<FollowEnd, number>> = { settled: 0, stuck: 3, open: 3 };

export const addObserve = (program: Command, wiring: Wiring): Command =>
  addServicesCommand<Options>(
    program,
    "observe [names...]",
    help,
    wiring,
    async ({ session, services, options, args }) => {
      const forMs = options.until === undefined ? undefined : lengthOf("--until", options.until);
      const { chooseFollowed, followTargets } = await import("../../app/follow-targets.js");
      const { observeView } = await import("../render/observe-view.js");
      const targets = await chooseFollowed(services, args);
      const once = options.follow !== true && forMs === undefined;
      const view = await observeView(session, services.playbook, once);
      let end: FollowEnd | undefined;
      try {
        end = await followTargets(services, targets, { ...view, signal: session.interrupt, once, forMs });
        return statuses[end];
      } finally {
        view.end(end);
      }
    },
  )
    .option("--follow", "go on until all has settled, and no rollback is being executed any more")
    .option("--until <duration>", "go on for so long, whatever settles meanwhile");
