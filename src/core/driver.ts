import type { z } from "zod";
import type { Effect, Problem } from "./errors.js";
import type { Follower } from "./follow.js";
import type { FromFile, GivenFile, GivenOrigin } from "./given-file.js";
import type { Json, JsonObject } from "./json.js";
import type {
  Artifact,
  ArtifactReader,
  ArtifactWriter,
  Clock,
  Host,
  Http,
  HttpServer,
  SignalMemory,
} from "./ports.js";
import type { ProblemReports } from "./problem-report/problem-report.js";
import type { Check, Proof } from "./proof.js";
import type { PastReading, PastSpan, Reading } from "./signal/reading.js";
import type { Discovered, Version } from "./versions.js";

/** In the order in which they happen (docs/design.md, "Planning"). */
export const phases = ["fence", "preserve", "quiesce", "restore", "resume", "check", "unfence"] as const;
export type Phase = (typeof phases)[number];

/** Every call of a driver gets one. The engine has already put time-out, retry and redaction around the call. */
export interface DriverContext {
  /** The target's, signal's or check's name in the playbook: for messages. */
  readonly name: string;
  readonly host: Host;
  readonly http: Http;
  readonly clock: Clock;
  /** Aborted on time-out and cancellation. Pass it on to whatever takes one. */
  readonly signal: AbortSignal;
  /** One line about where the work is: `42 of 310 MB`. Shown live, not kept. */
  readonly progress: (line: string) => void;
  /** A line worth keeping with the step: redacted, shown in the report. */
  readonly log: (line: string) => void;
}

export interface CaptureContext extends DriverContext {
  readonly artifacts: ArtifactWriter;
}

/** For looking at what is there now: comparing it row by row or file by file may need what was captured. */
export interface ObserveContext extends DriverContext {
  /** Present where a checkpoint is: those of the captured part that goes with the call. */
  readonly artifacts?: ArtifactReader;
  /** For `verify` after a run: the intent's `keep`. What it names is allowed to differ from what was captured. */
  readonly keep?: readonly string[];
}

export interface ProveContext extends DriverContext {
  readonly artifacts: ArtifactReader;
  /** An empty folder, removed afterwards. */
  readonly scratch: string;
}

export interface StepContext extends ProveContext {
  /** `run/step`: the same on every attempt, so that names derived from it are found again. */
  readonly key: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/** What `capture` found and kept. The artifacts are those written through the context. */
export interface Captured<Data extends Json = Json> {
  /** Identity by content (digest, commit, checksum): two captures of the same state have the same one. */
  readonly identity: string;
  /** For people: `v41 (sha256:3f2a…)`. */
  readonly summary: string;
  /** Plain data that restoring needs. No secrets. */
  readonly data: Data;
}

/** A target's part of a checkpoint. */
export interface CapturedPart<Data extends Json = Json> extends Captured<Data> {
  readonly artifacts: readonly Artifact[];
  /** When the capture began: data written later is not in it. Milliseconds since the epoch. */
  readonly at: number;
  /** Present where it was made out of a file that a person gave. */
  readonly given?: GivenOrigin;
}

export interface Observation<Data extends Json = Json> {
  /** Comparable with `Captured.identity`: equal means that there is nothing to bring back. */
  readonly identity: string;
  readonly summary: string;
  readonly data: Data;
}

/** One value, before → after. Values of secrets are hidden by the driver. */
export interface Difference {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** Data written since the checkpoint that this step takes away, counted, not guessed. */
export interface DataLoss {
  /** A table, a key prefix, a folder. */
  readonly what: string;
  readonly inserted?: number;
  readonly updated?: number;
  readonly deleted?: number;
  /** How it was counted and what that way cannot know. */
  readonly basis: string;
}

export interface Impact {
  readonly changes?: readonly Difference[];
  readonly loses?: readonly DataLoss[];
  /** Clients see errors or refused connections from the start of this step until the last `resume` step has ended. */
  readonly interrupts?: boolean;
  /** Why it cannot be taken back. Absent means that it can. */
  readonly irreversible?: string;
  /** A consequence for security that the plan must show: rate limits cleared, checks switched off. */
  readonly security?: string;
  /** It takes protection away: a scenario without an `approval` may not. */
  readonly needsApproval?: true;
}

export interface StepSpec {
  /** Unique within the target: `stage`, `swap`. Handed back to `apply` and `settle`. */
  readonly operation: string;
  /** For people, begins with a verb: `swap database file in`. */
  readonly title: string;
  readonly phase: Phase;
  /** Operations of the same target that must have succeeded. Phases are ordered anyway. */
  readonly needs?: readonly string[];
  readonly input: JsonObject;
  readonly impact?: Impact;
  /**
   * Only in `restore`: everyone who uses this target must have been quiesced first. Steps of `restore` without it
   * (staging a copy beside the live one) run while the system still serves, and the quiesce waits for them.
   */
  readonly exclusive?: boolean;
  /** Milliseconds. */
  readonly expectedMs: number;
  /** Milliseconds. Default: ten times what is expected, at least 30 s. */
  readonly timeoutMs?: number;
  /** Further attempts after a failure without effect, or after `settle` said so. Default 2. */
  readonly retries?: number;
  /** `continue`: optional, its failure is shown but does not stop the line. Default `stop`. */
  readonly onFailure?: "stop" | "continue";
  /** Where `settle` cannot say: a person decides (default), it is done again (it may happen twice), or it has failed. */
  readonly onIndeterminate?: "ask" | "retry" | "fail";
}

/** What the plan wants of a target. */
export interface Intent {
  /** Bring it back to what was captured. */
  readonly restore: boolean;
  /** Something that it uses needs to be alone: stop using it (phase quiesce), start again (phase resume). */
  readonly quiesce: boolean;
  /** Make it pick up what was restored below it (phase resume). */
  readonly restart: boolean;
  /** What must survive, in the driver's own terms (a path, a key, a JSON path). */
  readonly keep: readonly string[];
}

export interface PlanInput<Options, Data extends Json, Seen extends Json> {
  readonly captured: CapturedPart<Data> | undefined;
  /** Where an earlier `prove` measured it: how long bringing it back takes, milliseconds. */
  readonly restoreMs: number | undefined;
  readonly observed: Observation<Seen>;
  /** As in the playbook, secret references unresolved: nothing secret can leak into a step. */
  readonly options: Options;
  readonly intent: Intent;
}

/** A planned step as `apply` and `settle` get it. */
export interface StepJob<Options, Data extends Json> {
  readonly operation: string;
  readonly input: JsonObject;
  /** Secret references resolved. */
  readonly options: Options;
  readonly captured: CapturedPart<Data> | undefined;
}

export interface Outcome {
  /** For the timeline: `current → releases/v41`. */
  readonly summary: string;
  /** False where there was nothing left to do, for example on a repeated call. */
  readonly changed: boolean;
  /** For the record, and for taking the step back. No secrets. */
  readonly data?: JsonObject;
  /** What was really lost, counted when nobody could write any more: goes before what the plan had counted. */
  readonly loses?: readonly DataLoss[];
}

/** The world's answer about a step whose end is unknown. `unknown` puts it to a person. */
export interface Settlement {
  readonly state: "applied" | "not-applied" | "partial" | "unknown";
  readonly summary: string;
}

/** A step of a finished run that has happened, as its driver is asked to take it back. */
export interface DoneStep {
  readonly operation: string;
  readonly phase: Phase;
  /** As in the step's context, so that names derived from it are found again. */
  readonly key: string;
  readonly input: JsonObject;
  /** What its outcome said; absent where nobody saw its end. */
  readonly data?: JsonObject;
  /** By then it had happened: whatever it kept is not newer. Milliseconds since the epoch. */
  readonly endedAt: number;
}

/** What a run did to a target. */
export interface DoneWork<Data extends Json = Json> {
  /** In the plan's order; steps that only let go of something below the target are not among them. */
  readonly steps: readonly DoneStep[];
  /** What the run brought back. */
  readonly captured: CapturedPart<Data> | undefined;
  /** What the run left, as its plan saw it. */
  readonly left: Pick<Observation, "identity" | "summary">;
}

export interface UndoObservation<Seen extends Json = Json> extends Observation<Seen> {
  /** What would be there afterwards. */
  readonly to: Pick<Observation, "identity" | "summary">;
}

export interface UndoInput<Options, Data extends Json, Seen extends Json> {
  readonly done: DoneWork<Data>;
  readonly observed: UndoObservation<Seen>;
  /** As in the plan of the run, secret references unresolved. */
  readonly options: Options;
  /** `restore` is always true, and means: take it back. */
  readonly intent: Intent;
}

/** How what a run did is taken back, from what it kept. An undo can be undone: `steps` may be steps of an undo. */
export interface UndoDriver<Options, Data extends Json, Seen extends Json> {
  /** What is there now and what the steps kept. Throws BackoutError REFUSED where what was kept is gone or altered. */
  observe(done: DoneWork<Data>, options: Options, context: ObserveContext): Promise<UndoObservation<Seen>>;
  /** Pure. Steps for `apply` and `settle`; none where nothing is to be taken back. Throws BackoutError REFUSED. */
  plan(input: UndoInput<Options, Data, Seen>): StepSpec[];
  /** Whether `to` is what is there now. */
  verify(
    to: Pick<Observation, "identity" | "summary">,
    options: Options,
    context: ObserveContext,
  ): Promise<Check[]>;
}

interface DriverBase<Options> {
  /** The folder's name. */
  readonly id: string;
  /** One line for `backout init` and the docs. */
  readonly title: string;
  /** Zod object schema, `.strict()`, every key described: also yields JSON Schema and the docs page. */
  readonly options: z.ZodType<Options>;
}

/**
 * A thing with state that can be captured and brought back. What a driver cannot do, it leaves out.
 * All members but `plan` and `claims` may look at the world; only `apply` may change it (and `capture`, `prove`
 * within what the context gives them). Errors are `BackoutError`s; those out of `apply` carry `effect`.
 */
export interface TargetDriver<
  Options = unknown,
  Data extends Json = Json,
  Seen extends Json = Json,
  Kept extends Json = Json,
> extends DriverBase<Options> {
  readonly kind: "target";
  /**
   * Names of what it owns (`file:/srv/app.db`): two targets with the same claim are refused. Behind `, ` stands the way, where there are
   * several to one thing, of which a scenario takes one. Pure; `resolve` makes paths absolute.
   */
  claims?(options: Options, resolve: (path: string) => string): string[];
  /** Reachable, right version, right permissions? Changes nothing. */
  check?(options: Options, context: DriverContext): Promise<Problem[]>;
  capture?(options: Options, context: CaptureContext): Promise<Captured<Data>>;
  /** Makes what `capture` would have made out of a file of somebody else's making. Throws REFUSED where it holds no whole state. */
  adopt?(given: GivenFile, options: Options, context: CaptureContext): Promise<Captured<Data> & FromFile>;
  /** Restores it somewhere harmless and compares. What it leaves there for the way back stands in its notes, and goes with `letGo`. */
  prove?(captured: CapturedPart<Data>, options: Options, context: ProveContext): Promise<Proof>;
  /** What is there now, compared with what was captured where there is such: the only look at the world before planning. */
  observe(
    options: Options,
    context: ObserveContext,
    captured?: CapturedPart<Data>,
  ): Promise<Observation<Seen>>;
  /** Pure. An empty list means that there is nothing to do. Throws BackoutError REFUSED where it cannot work. */
  plan(input: PlanInput<Options, Data, Seen>): StepSpec[];
  /** One step. Called again with the same key after a crash or a failure: must then end the same. */
  apply(job: StepJob<Options, Data>, context: StepContext): Promise<Outcome>;
  /** Whether a step whose end is unknown has happened. Looks only. */
  settle(job: StepJob<Options, Data>, context: StepContext): Promise<Settlement>;
  /** Whether `verify` has anything to compare with these options. Absent means always. Pure. */
  verifies?(options: Options): boolean;
  /** Whether what was captured is what is there now. */
  verify?(captured: CapturedPart<Data>, options: Options, context: ObserveContext): Promise<Check[]>;
  /** Tells what is seen of it while it changes, until the context is aborted. Looks only. Rejects where it may not look. */
  follow?(options: Options, context: DriverContext, told: Follower): Promise<void>;
  /** Left out: what it did cannot be taken back. */
  readonly undo?: UndoDriver<Options, Data, Kept>;
  /** Its checkpoint is gone: what capturing and proving it kept elsewhere goes too. Says what could not, for a person. */
  letGo?(captured: CapturedPart<Data>, options: Options, context: DriverContext): Promise<string[]>;
  /** What there is to go back to, newest version first (v2.10.0 before v2.9.0). */
  versions?(options: Options, context: DriverContext): Promise<Version[]>;
  /** Looks into the playbook's folder for what this driver could bring back. */
  discover?(context: DriverContext): Promise<Discovered[]>;
}

/** What signals may know besides. */
export interface SignalContext extends DriverContext {
  /** For which environment it is read. */
  readonly environment: string;
  /** What people have reported. */
  readonly reports: Pick<ProblemReports, "list">;
  /** Its own, in the state folder. */
  readonly memory: SignalMemory;
  /** For sources that tell by themselves. */
  readonly server: HttpServer;
}

/** Measures one number. Throws where it could not measure: that is `no data`, never zero. */
export interface SignalDriver<Options = unknown> extends DriverBase<Options> {
  readonly kind: "signal";
  check?(options: Options, context: DriverContext): Promise<Problem[]>;
  /**
   * For a source that tells by itself: begins to listen, and goes on until the context is aborted. Called before the first
   * reading of a watch, and again where it has thrown. `read` then says what was heard.
   */
  listen?(options: Options, context: SignalContext): Promise<void>;
  /** `options` is the same object for every reading of a watch: what has to be remembered in between can be kept by it. */
  read(options: Options, context: SignalContext): Promise<Reading>;
  /**
   * What it would have read at each moment of the past, none left out. Throws where that could not be found out; left out by
   * what keeps no past.
   */
  history?(options: Options, context: DriverContext, past: PastSpan): Promise<PastReading[]>;
}

/** Asks one question about the running system, after a rollback or at any time. */
export interface CheckDriver<Options = unknown> extends DriverBase<Options> {
  readonly kind: "check";
  check?(options: Options, context: DriverContext): Promise<Problem[]>;
  /** Could not measure is a result `error`, not an exception. */
  run(options: Options, context: DriverContext): Promise<Check[]>;
}

/** What `drivers/<id>/index.ts` exports: any of the three, by these names. */
export interface DriverModule {
  readonly target?: TargetDriver;
  readonly signal?: SignalDriver;
  readonly check?: CheckDriver;
}

export { type ProofLevel, proofLevels } from "./proof.js";
export type { Check, Discovered, Effect, Proof, Reading, Version };

/** Types its members from the schema, forgets the types towards the registry: the engine validates before it calls. */
export function defineTarget<Options, Data extends Json, Seen extends Json, Kept extends Json = Json>(
  driver: Omit<TargetDriver<Options, Data, Seen, Kept>, "kind">,
): TargetDriver {
  return { kind: "target", ...driver } as unknown as TargetDriver;
}

export function defineSignal<Options>(driver: Omit<SignalDriver<Options>, "kind">): SignalDriver {
  return { kind: "signal", ...driver } as unknown as SignalDriver;
}

export function defineCheck<Options>(driver: Omit<CheckDriver<Options>, "kind">): CheckDriver {
  return { kind: "check", ...driver } as unknown as CheckDriver;
}
