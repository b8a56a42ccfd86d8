import type { OpenServices } from "../app/services.js";
import { BackoutError } from "../core/errors.js";

/** Now, and not when a rollback is needed. */
export function refuseUnknownChange({ playbook }: OpenServices, change: string | undefined): void {
  if (change === undefined || playbook.changes[change] !== undefined) return;
  throw new BackoutError("NOT_FOUND", `there is no change "${change}"`, {
    effect: "none",
    hint: `known: ${Object.keys(playbook.changes).join(", ") || "none; add it under changes:"}`,
  });
}
