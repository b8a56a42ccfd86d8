import type { KnownEvent, Stretch } from "../core/signal/backtest.js";
import { loadRun } from "./find-run.js";
import type { Services } from "./services.js";

/** Rollbacks that began and problems that were reported in this environment within the stretch, oldest first. */
export async function knownEvents(services: Services, { from, to }: Stretch): Promise<KnownEvent[]> {
  const events = [...(await rollbacks(services, from)), ...(await reports(services))];
  return events.filter((one) => one.to >= from && one.from <= to).toSorted((a, b) => a.from - b.from);
}

async function rollbacks(services: Services, since: number): Promise<KnownEvent[]> {
  const { system, environment } = services.playbook;
  const found: KnownEvent[] = [];
  for (const id of (await services.journal.runIds(system, environment)).toReversed()) {
    const { startedAt, endedAt } = (await loadRun(services, id)).state;
    if (startedAt === undefined) continue;
    const to = endedAt ?? services.clock.now();
    if (to < since) break;
    found.push({ kind: "rollback", id, from: startedAt, to });
  }
  return found;
}

/** A report stands until it is withdrawn; one that was never withdrawn says only when it was made. */
async function reports({ reports: all, playbook }: Services): Promise<KnownEvent[]> {
  return (await all.list()).flatMap(({ id, at, environment, withdrawn }) =>
    environment === playbook.environment
      ? [{ kind: "report" as const, id, from: at, to: withdrawn?.at ?? at }]
      : [],
  );
}
