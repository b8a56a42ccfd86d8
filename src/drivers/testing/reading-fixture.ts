import type { ErrorCode } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { Host } from "../../core/ports.js";

/** A real thing to be measured or asked. */
export interface ReadingFixture {
  /** Stands for the playbook's folder. */
  readonly folder: string;
  readonly options: JsonObject;
  /** With secrets resolved, where that differs. */
  readonly resolved?: JsonObject;
  readonly secrets?: readonly string[];
  cleanUp(): Promise<void>;
}

/** Something that keeps it from being measured: never a value, never a pass. */
export interface ReadingFault<F extends ReadingFixture> {
  readonly name: string;
  readonly options?: (fixture: F) => JsonObject;
  readonly host?: (host: Host) => Host;
  readonly arrange?: (fixture: F) => Promise<() => Promise<void>>;
  /** Compared where the driver throws. */
  readonly code: ErrorCode | readonly ErrorCode[];
  readonly says: RegExp;
}
