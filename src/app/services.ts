import type { CheckpointStore } from "../core/checkpoint/checkpoint-store.js";
import type { CheckDriver, SignalDriver, TargetDriver } from "../core/driver.js";
import type { Json, JsonObject } from "../core/json.js";
import type { Playbook } from "../core/playbook/playbook.js";
import type {
  Clock,
  Host,
  Http,
  HttpServer,
  Ids,
  Orphans,
  Processes,
  SignalMemory,
  WatchStore,
} from "../core/ports.js";
import type { ProblemReports } from "../core/problem-report/problem-report.js";
import type { Owner } from "../core/run/fact.js";
import type { RunJournal } from "../core/run/run-journal.js";
import type { RunQueue } from "../core/run/run-queue.js";

/** Everything a use case may touch. `compose.ts` makes one for each command; tests make their own. */
export interface Services {
  readonly playbook: Playbook;
  readonly drivers: DriverSource;
  readonly checkpoints: CheckpointStore;
  readonly journal: RunJournal;
  readonly reports: ProblemReports;
  /** What a signal of this environment remembers. */
  memory(signal: string): SignalMemory;
  readonly server: HttpServer;
  /** With the scaled-out engine: runs are left to controllers. */
  readonly queue?: RunQueue;
  readonly host: Host;
  readonly http: Http;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  readonly orphans: Orphans;
  /** Who types: `user@host`. */
  readonly actor: string;
  /** This process. */
  readonly owner: Owner;
  readonly redact: (text: string) => string;
  /** Puts secrets in the place of their references; from then on they are redacted everywhere. */
  resolve(value: JsonObject, at: string): Promise<Json>;
  /** An empty folder on the file system of the state, removed by `done`. */
  scratch(name: string): { folder(): Promise<string>; done(): Promise<void> };
}

/** The services of one command, for one playbook. */
export interface OpenServices extends Services {
  /** The playbook's file and its folder, absolute. */
  readonly file: string;
  readonly folder: string;
  /** What the watch of this environment remembers. */
  readonly watchStore: WatchStore;
  close(): Promise<void>;
}

/** Loads a driver when it is first used. Throws NOT_FOUND for a name that there is not, or not of that kind. */
export interface DriverSource {
  target(id: string): Promise<TargetDriver>;
  signal(id: string): Promise<SignalDriver>;
  check(id: string): Promise<CheckDriver>;
}

/** `system/environment`: what there is one rollback of at a time. */
export const leaseScope = (playbook: Playbook): string => `${playbook.system}/${playbook.environment}`;
