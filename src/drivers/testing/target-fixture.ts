import type { Intent } from "../../core/driver.js";
import type { ErrorCode } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { Host } from "../../core/ports.js";

/** One real component, brought up by a driver's contract test, with ways to look at it that do not go through the driver. */
export interface TargetFixture {
  /** Stands for the playbook's folder: relative paths in options are taken from it. */
  readonly folder: string;
  /** As in the playbook, secret references unresolved. */
  readonly options: JsonObject;
  /** With secrets resolved, where that differs. */
  readonly resolved?: JsonObject;
  /** Secret values that must not occur in anything that the driver returns, logs or throws. */
  readonly secrets?: readonly string[];
  /** Changes the world as a bad rollout would. Called again each time after the world was brought back. */
  break(): Promise<void>;
  /** Rejects unless the world is as it was when captured; does not use the driver. */
  isGood(): Promise<void>;
  /**
   * A digest of what users of the component see; does not use the driver. Two equal ones mean that nothing changed.
   * Copies that a step staged beside the live thing are not part of it.
   */
  world(): Promise<string>;
  /** `world` without what differs after every restart, such as a process' number. Default: `world`. */
  likeness?(): Promise<string>;
  /** Ends what `setUp` started, removes what it made. */
  cleanUp(): Promise<void>;
}

export type FaultCall = "check" | "capture" | "observe" | "apply";

/** Something wrong outside: wrong credentials, server gone, tool missing. Each must give a clear error and no change. */
export interface Fault<F extends TargetFixture = TargetFixture> {
  readonly name: string;
  /** In place of the fixture's options. */
  readonly options?: (fixture: F) => JsonObject;
  /** Wraps the host for these calls, for example `withoutTools`. */
  readonly host?: (host: Host) => Host;
  /** Called after the world was broken and the plan made; what it returns undoes it. */
  readonly arrange?: (fixture: F) => Promise<() => Promise<void>>;
  /** One code, or the several that the calls give. Not compared for `check`, which returns problems. */
  readonly code: ErrorCode | readonly ErrorCode[];
  /** What the message must contain: the subject, the offending value. */
  readonly says: RegExp;
  /** Which calls run into it. Default: capture, observe and apply. */
  readonly on?: readonly FaultCall[];
}

export interface TargetSuite<F extends TargetFixture = TargetFixture> {
  /** Folder below `src/drivers`, for the child process that gets killed. */
  readonly driver: string;
  /** What is tested, where a driver has several suites: `postgres 18`. Default: the driver's id. */
  readonly name?: string;
  readonly setUp: () => Promise<F>;
  readonly faults: readonly Fault<F>[];
  /** Default: restore, keep nothing. */
  readonly intent?: Partial<Intent>;
  /** False for a driver that captures into `data` alone. Default true. */
  readonly artifacts?: boolean;
  /** False where these options leave nothing to take it back by. Default: as the driver can. */
  readonly undo?: boolean;
  /**
   * At most so many kills for each step ahead of a call, and as many by the clock: two or more. Default 12. None at all
   * for another suite of a driver whose steps are killed in its first.
   */
  readonly kills?: number;
  /** Only these steps are killed: the others are in another suite. */
  readonly killed?: readonly string[];
}

export const restoreOnly: Intent = { restore: true, quiesce: false, restart: false, keep: [] };

/** The host with an empty search path: no tool is found. */
export const withoutTools = (host: Host): Host => ({
  ...host,
  exec: (command) => host.exec({ ...command, env: { ...command.env, PATH: "/nonexistent" } }),
  variable: async (name) => (name === "PATH" ? "/nonexistent" : host.variable(name)),
});
