import type { Checkpoint } from "../core/checkpoint/manifest.js";
import { BackoutError } from "../core/errors.js";
import type { StepWorld } from "../engine/perform-step.js";
import type { Services } from "./services.js";

/** What the engine gives to drivers, with the artifacts of the plan's checkpoint. */
export function stepWorld(services: Services, checkpoint: Checkpoint | undefined): StepWorld {
  const { host, http, clock, processes, redact, drivers, checkpoints } = services;
  return {
    host,
    http,
    clock,
    processes,
    redact,
    targetDriver: (id) => drivers.target(id),
    checkDriver: (id) => drivers.check(id),
    resolve: (value, at) => services.resolve(value, at),
    async scratch(key) {
      const scratch = services.scratch(key);
      return { folder: await scratch.folder(), done: () => scratch.done() };
    },
    artifacts(_, target, scratch) {
      if (checkpoint?.parts[target] !== undefined)
        return checkpoints.reader(checkpoint.id, target, async () => scratch);
      const missing = (name: string): never => {
        throw new BackoutError(
          "ARTIFACT_MISSING",
          `${target}: there is no artifact "${name}" without a checkpoint`,
          {
            effect: "none",
          },
        );
      };
      return { file: async (name) => missing(name), read: async (name) => missing(name) };
    },
  };
}
