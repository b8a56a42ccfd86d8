import type { DriverContext, DriverModule } from "../core/driver.js";
import type { Problem } from "../core/errors.js";
import type { Playbook } from "../core/playbook/playbook.js";
import type { RunServer } from "../core/run/run-queue.js";
import type { OpenServices } from "./services.js";

export interface PlaybookChoice {
  /** Default: `backout.yaml` in this folder or the nearest above it. */
  readonly file?: string | undefined;
  readonly environment?: string | undefined;
}

export interface LoadedPlaybook {
  /** Absolute. */
  readonly file: string;
  readonly folder: string;
  /** Absent where a problem is an error. */
  readonly playbook?: Playbook;
  readonly problems: readonly Problem[];
}

export interface OpenController {
  readonly system: string;
  /** The playbook, absolute. */
  readonly file: string;
  readonly server: RunServer;
  close(): Promise<void>;
}

/** What `compose.ts` hands to whoever starts commands: the command line, the server. */
export interface Wiring {
  readonly driverNames: readonly string[];
  loadDriver(id: string): Promise<DriverModule | undefined>;
  loadPlaybook(choice: PlaybookChoice): Promise<LoadedPlaybook>;
  /** Throws PLAYBOOK_INVALID with every problem of the playbook. `loaded`: where it was read already. */
  openServices(choice: PlaybookChoice, loaded?: LoadedPlaybook): Promise<OpenServices>;
  /** For a process that executes queued runs. Throws REFUSED where the playbook names no engine. */
  openController(choice: PlaybookChoice): Promise<OpenController>;
  /** For looking around in a folder that has no playbook yet. */
  folderContext(folder: string, name: string, signal: AbortSignal): DriverContext;
  /** An age key pair: a new one, or the one of an identity (a line of a key file). */
  keyPair(identity?: string): Promise<{ readonly identity: string; readonly recipient: string }>;
}
