import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import type { ServerEvent } from "../../core/run/run-queue.js";
import { addCommand } from "../add-command.js";

const help = {
  summary:
    "execute the runs that others ask for, over the playbook's engine; several take over from each other",
  examples: ["backout controller", "backout controller --file /srv/shop/backout.yaml --json"],
};

export const addController = (program: Command, wiring: Wiring): Command =>
  addCommand(program, "controller", help, wiring, async ({ session, options }) => {
    const { serveRuns } = await import("../../app/serve-runs.js");
    const { file, env, json } = options;
    const { interrupt, kill } = session;
    interrupt.addEventListener("abort", () => {
      session.note("leaving: running steps may end; once more to end them now");
    });
    const tell = (event: ServerEvent): void =>
      json ? session.json({ at: Date.now(), ...event }) : session.print(`${timeText()}  ${textOf(event)}`);
    await serveRuns(wiring, { file, environment: env }, { interrupt, kill, tell });
    return 0;
  });

const timeText = (): string => new Date().toISOString();

function textOf(event: ServerEvent): string {
  switch (event.type) {
    case "ready":
      return `controller ${event.controller} waits for runs on ${event.engine}`;
    case "assigned":
      return `run ${event.run} (${event.environment}): executing`;
    case "ended":
      return `run ${event.run} (${event.environment}): ended; backout report ${event.run}`;
    case "left":
      return `run ${event.run} (${event.environment}): left to another controller`;
    case "takeover":
      return `controller ${event.from} is gone; taken over: ${event.runs.join(", ")}`;
    case "trouble":
      return `engine: ${event.message}`;
  }
}
