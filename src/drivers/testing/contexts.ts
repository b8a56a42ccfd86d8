import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  CapturedPart,
  ProveContext,
  SignalContext,
  StepContext,
  TargetDriver,
} from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import type { Host } from "../../core/ports.js";
import { httpClient } from "../../platform/http-client.js";
import { httpServer } from "../../platform/http-server.js";
import { localHost } from "../../platform/local-host.js";
import { systemClock } from "../../platform/system-clock.js";
import { problemReports } from "../../storage/problem-reports.js";
import { signalMemory } from "../../storage/signal-memory.js";
import { folderArtifacts, folderReader } from "./folder-artifacts.js";

/** A captured part and the folder in which its artifacts lie. */
export interface Taken {
  readonly part: CapturedPart;
  readonly folder: string;
}

/** Contexts over the real platform, as the engine would build them. */
export interface Contexts {
  readonly host: Host;
  /** Everything that drivers logged or reported as progress. */
  readonly lines: readonly string[];
  plain(host?: Host): SignalContext;
  /** Captures into a folder of its own. */
  take(driver: TargetDriver, options: Json, host?: Host): Promise<Taken>;
  /** Also for `observe` and `verify`, which take the artifacts where there are some. */
  prove(taken: Taken, host?: Host): Promise<ProveContext>;
  step(taken: Taken, key: string, attempt: number, host?: Host): Promise<StepContext>;
  cleanUp(): Promise<void>;
}

export async function contextsFor(folder: string, name = "subject"): Promise<Contexts> {
  const own = await mkdtemp(join(tmpdir(), "backout-contract-"));
  const lines: string[] = [];
  const here = localHost({ baseDir: folder, redact: (text) => text });
  let made = 0;
  const fresh = async (kind: string): Promise<string> => {
    made++;
    const path = join(own, `${kind}-${made}`);
    await mkdir(path);
    return path;
  };
  const reports = problemReports(join(folder, ".backout"));
  const plain = (host: Host = here): SignalContext => ({
    name,
    environment: "default",
    reports,
    memory: signalMemory(join(folder, ".backout"), "default", name),
    server: httpServer,
    host,
    http: httpClient(),
    clock: systemClock,
    signal: AbortSignal.timeout(120_000),
    progress: (line) => void lines.push(line),
    log: (line) => void lines.push(line),
  });
  const prove = async (taken: Taken, host?: Host): Promise<ProveContext> => ({
    ...plain(host),
    artifacts: folderReader(taken.folder, taken.part.artifacts),
    scratch: await fresh("scratch"),
  });

  return {
    host: here,
    lines,
    plain,
    take: async (driver, options, host) => {
      if (driver.capture === undefined) throw new Error(`${driver.id}: has no capture`);
      const at = systemClock.now();
      const artifacts = await folderArtifacts(await fresh("artifacts"));
      const captured = await driver.capture(options, { ...plain(host), artifacts: artifacts.writer });
      return { part: { ...captured, artifacts: artifacts.list(), at }, folder: artifacts.folder };
    },
    prove,
    step: async (taken, key, attempt, host) => ({ ...(await prove(taken, host)), key, attempt }),
    cleanUp: () => rm(own, { recursive: true, force: true }),
  };
}
