import type { Severity } from "../playbook/schema-judging.js";

/** How long after a trigger has fired somebody has to respond, milliseconds: at once, at once, 5 min, 15 min, 1 h. */
export const responseTimes: Readonly<Record<Severity, number>> = {
  "SEV-0": 0,
  "SEV-1": 0,
  "SEV-2": 300_000,
  "SEV-3": 900_000,
  "SEV-4": 3_600_000,
};

/** L15: what each asks for, and for so many minutes; from then on the age of the incident says more. */
export const severityActions: Readonly<Record<Severity, { readonly until: number; readonly text: string }>> =
  {
    "SEV-0": { until: 5, text: "go back now" },
    "SEV-1": { until: 5, text: "go back now" },
    "SEV-2": { until: 5, text: "see what it is; most likely it has to go back" },
    "SEV-3": { until: 15, text: "find out why, and keep an eye on it" },
    "SEV-4": { until: 60, text: "take it up in its turn" },
  };
