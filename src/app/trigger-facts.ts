import type { Decision, Recommendation } from "../core/decision/decide.js";
import type { Incident } from "../core/decision/incident.js";
import type { JsonObject } from "../core/json.js";
import type { Playbook } from "../core/playbook/playbook.js";

interface Judged {
  readonly at: number;
  readonly decision: Decision;
  readonly incident?: Incident;
}

/** What the report will show as the reason: plain data, queries as resolved, secrets as references. */
export function triggerFacts(
  { signals }: Pick<Playbook, "signals">,
  { at, decision, incident }: Judged,
  { evidence, why, because, rto }: Recommendation,
): JsonObject {
  const firing = evidence.filter(({ state }) => state === "firing");
  const began = firing.map(({ began: pending, since = at, for: needed }) => pending ?? since - needed);
  const used = new Set(firing.flatMap(({ samples }) => samples.map(({ signal }) => signal)));
  const facts = {
    at,
    since: Math.min(at, ...began),
    verdict: decision.verdict.level,
    why,
    because,
    path: decision.path.map(({ text, answer }) => `${text}: ${answer}`),
    severity: incident?.severity,
    class: rto?.class,
    rtoMs: rto?.ms,
    triggers: firing,
    signals: Object.entries(signals).flatMap(([signal, { driver, with: options, every }]) =>
      used.has(signal) ? [{ signal, driver, every, with: options }] : [],
    ),
  };
  return JSON.parse(JSON.stringify(facts)) as JsonObject;
}
