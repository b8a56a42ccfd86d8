import type { Severity } from "../playbook/schema.js";

/** How long after a trigger has fired somebody has to respond, milliseconds: at once, at once, 5 min, 15 min, 1 h. */
export const responseTimes: Readonly<Record<Severity, number>> = {
  "SEV-0": 0,
  "SEV-1": 0,
  "SEV-2": 300_000,
  "SEV-3": 900_000,
  "SEV-4": 3_600_000,
};
