import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Services } from "../../../src/app/services.js";
import type { DriverModule } from "../../../src/core/driver.js";
import type { Playbook } from "../../../src/core/playbook/playbook.js";
import { drivers as registry } from "../../../src/drivers/registry.generated.js";
import { httpClient } from "../../../src/platform/http-client.js";
import { httpServer } from "../../../src/platform/http-server.js";
import { localHost } from "../../../src/platform/local-host.js";
import { localOrphans } from "../../../src/platform/orphans.js";
import { localProcesses } from "../../../src/platform/process-identity.js";
import { systemClock as clock } from "../../../src/platform/system-clock.js";
import { timeIds } from "../../../src/platform/time-ids.js";
import { checkpointStore } from "../../../src/storage/checkpoint-store.js";
import { openJournal } from "../../../src/storage/journal.js";
import { problemReports } from "../../../src/storage/problem-reports.js";
import { scratchFolders } from "../../../src/storage/scratch-folder.js";
import { signalMemory } from "../../../src/storage/signal-memory.js";
import { countedTarget } from "./counted-target.js";
import { mortalDriver, mortalHost, mortalHttp, mortalJournal } from "./moments.js";

/** What `compose.ts` makes, with one driver more and with moments to die at. */
export async function openServices(folder: string): Promise<Services & { close(): Promise<void> }> {
  const playbook = JSON.parse(readFileSync(join(folder, "playbook.json"), "utf8")) as Playbook;
  const state = join(folder, playbook.state);
  const ids = timeIds(clock);
  const journal = await openJournal(state);
  const processes = localProcesses;
  const module = async (id: string): Promise<DriverModule> => {
    if (id === "counted") return { target: countedTarget };
    return registry[id as keyof typeof registry]();
  };
  const given = <Driver>(driver: Driver | undefined, id: string): Driver => {
    if (driver === undefined) throw new Error(`there is no driver "${id}"`);
    return driver;
  };
  return {
    playbook,
    drivers: {
      target: async (id) => mortalDriver(given((await module(id)).target, id)),
      check: async (id) => given((await module(id)).check, id),
      signal: async (id) => given((await module(id)).signal, id),
    },
    checkpoints: checkpointStore({ folder: state, clock, ids, processes }),
    journal: mortalJournal(journal),
    host: mortalHost(localHost({ baseDir: folder, redact: (text) => text })),
    http: mortalHttp(httpClient()),
    clock,
    ids,
    processes,
    orphans: localOrphans,
    reports: problemReports(state),
    memory: (signal) => signalMemory(state, playbook.environment, signal),
    server: httpServer,
    actor: "ann@here",
    owner: given(processes.identify(process.pid), "this process"),
    redact: (text) => text,
    resolve: async (value) => value,
    scratch: scratchFolders({ state, clock, processes }),
    close: () => journal.close(),
  };
}
