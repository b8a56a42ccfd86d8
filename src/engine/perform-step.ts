import type {
  Check,
  CheckDriver,
  DriverContext,
  StepContext,
  StepJob,
  TargetDriver,
} from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { Json, JsonObject } from "../core/json.js";
import type { Plan, PlannedTarget, PlanStep } from "../core/plan/plan.js";
import type { ArtifactReader, Clock, Host, Http } from "../core/ports.js";
import type { FactBody } from "../core/run/fact.js";
import { pollCheck } from "./poll-check.js";

export interface StepCall {
  readonly run: string;
  readonly plan: Plan;
  readonly step: PlanStep;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Carries one step out and says what came of it as a fact. Never rejects. */
export interface StepPerformer {
  perform(call: StepCall): Promise<FactBody>;
  settle(call: StepCall): Promise<FactBody>;
}

/** What steps need of the world. */
export interface StepWorld {
  readonly host: Host;
  readonly http: Http;
  readonly clock: Clock;
  readonly redact: (text: string) => string;
  targetDriver(id: string): Promise<TargetDriver>;
  checkDriver(id: string): Promise<CheckDriver>;
  /** Puts secrets in the place of their references. */
  resolve(value: JsonObject, at: string): Promise<Json>;
  /** An empty folder for the step, removed by `done`. */
  scratch(key: string): Promise<{ readonly folder: string; done(): Promise<void> }>;
  artifacts(checkpoint: string | undefined, target: string, scratch: string): ArtifactReader;
}

const logLines = 200;

export function stepPerformer(world: StepWorld): StepPerformer {
  return {
    perform: (call) => guarded(world, call, (log) => perform(world, call, log)),
    settle: (call) => guarded(world, call, (log) => settle(world, call, log), settleFailed),
  };
}

type Logger = (line: string) => void;

async function guarded(
  world: StepWorld,
  call: StepCall,
  work: (log: Logger) => Promise<Partial<FactBody> & { type: FactBody["type"] }>,
  failed: (error: BackoutError) => Partial<FactBody> & { type: FactBody["type"] } = stepFailed,
): Promise<FactBody> {
  const started = world.clock.monotonic();
  const log: string[] = [];
  const logger: Logger = (line) => {
    log.push(world.redact(line));
    if (log.length > logLines) log.shift();
  };
  let body: Partial<FactBody> & { type: FactBody["type"] };
  try {
    body = await work(logger);
  } catch (thrown) {
    body = redacted(failed(readable(call, thrown)), world.redact);
  }
  const ms = Math.round(world.clock.monotonic() - started);
  const timed = body.type === "step.settled" ? {} : { ms, ...(log.length > 0 ? { log } : {}) };
  return { ...body, step: call.step.id, attempt: call.attempt, ...timed } as FactBody;
}

async function perform(
  world: StepWorld,
  call: StepCall,
  log: Logger,
): Promise<Partial<FactBody> & { type: FactBody["type"] }> {
  call.signal.throwIfAborted();
  const { step } = call;
  if (step.kind === "check") return checked(await askCheck(world, call, log));
  if (step.kind === "verify") return checked(await verifyTarget(world, call, log));
  return withStep(world, call, log, async (driver, job, context) => {
    const outcome = await driver.apply(job, context);
    return { type: "step.succeeded", summary: world.redact(outcome.summary), changed: outcome.changed };
  });
}

async function settle(
  world: StepWorld,
  call: StepCall,
  log: Logger,
): Promise<Partial<FactBody> & { type: FactBody["type"] }> {
  return withStep(world, call, log, async (driver, job, context) => {
    const settlement = await driver.settle(job, context);
    return { type: "step.settled", state: settlement.state, summary: world.redact(settlement.summary) };
  });
}

async function withStep<Result>(
  world: StepWorld,
  call: StepCall,
  log: Logger,
  work: (driver: TargetDriver, job: StepJob<unknown, Json>, context: StepContext) => Promise<Result>,
): Promise<Result> {
  const { step, plan } = call;
  const target = plan.targets[step.subject] as PlannedTarget;
  const driver = await world.targetDriver(step.driver);
  const options = driver.options.parse(await world.resolve(target.with, `targets.${step.subject}`));
  const key = `${call.run}/${step.id}`;
  const scratch = await world.scratch(key);
  try {
    const context: StepContext = {
      ...driverContext(world, call, log),
      key,
      attempt: call.attempt,
      scratch: scratch.folder,
      artifacts: world.artifacts(plan.checkpoint?.id, step.subject, scratch.folder),
    };
    const job = { operation: step.operation, input: step.input, options, captured: target.captured };
    return await work(driver, job, context);
  } finally {
    await scratch.done();
  }
}

async function verifyTarget(world: StepWorld, call: StepCall, log: Logger): Promise<Check[]> {
  const target = call.plan.targets[call.step.subject] as PlannedTarget;
  const driver = await world.targetDriver(call.step.driver);
  if (target.captured === undefined || driver.verify === undefined) return [];
  const options = driver.options.parse(await world.resolve(target.with, `targets.${call.step.subject}`));
  const scratch = await world.scratch(`${call.run}/${call.step.id}`);
  try {
    const artifacts = world.artifacts(call.plan.checkpoint?.id, call.step.subject, scratch.folder);
    return await driver.verify(target.captured, options, { ...driverContext(world, call, log), artifacts });
  } finally {
    await scratch.done();
  }
}

async function askCheck(world: StepWorld, call: StepCall, log: Logger): Promise<Check[]> {
  const { step, plan } = call;
  const check = plan.checks[step.subject];
  if (check === undefined) return [];
  const driver = await world.checkDriver(check.driver);
  const options = driver.options.parse(await world.resolve(check.with, `checks.${step.subject}`));
  const context = driverContext(world, call, log);
  return pollCheck(() => driver.run(options, context), check, world.clock, call.signal);
}

function driverContext(world: StepWorld, call: StepCall, log: Logger): DriverContext {
  const { host, http, clock } = world;
  const progress = (line: string): void => call.onProgress(world.redact(line));
  return { name: call.step.subject, host, http, clock, signal: call.signal, progress, log };
}

/** A check without a single result has measured nothing, and that is no pass. */
function checked(checks: readonly Check[]): Partial<FactBody> & { type: FactBody["type"] } {
  const bad = checks.find((check) => check.result !== "passed");
  if (checks.length > 0 && bad === undefined) {
    return { type: "step.succeeded", summary: `${checks.length} passed`, changed: false, checks };
  }
  const message = bad === undefined ? "nothing was measured" : describeCheck(bad);
  return { type: "step.failed", code: "CHECK_FAILED", message, effect: "none", checks };
}

export function describeCheck(check: Check): string {
  const compared =
    check.expected === undefined ? "" : `expected ${check.expected}, found ${check.actual ?? "nothing"}`;
  const fact = [check.message, compared].filter((text) => text !== undefined && text !== "").join(": ");
  return `${check.name}: ${fact === "" ? check.result : fact}`;
}

function readable(call: StepCall, thrown: unknown): BackoutError {
  if (thrown instanceof BackoutError) return thrown;
  const aborted = call.signal.aborted ? call.signal.reason : undefined;
  if (aborted instanceof BackoutError) return aborted;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackoutError("INTERNAL", `${call.step.id}: ${message}`, { effect: "unknown", cause: thrown });
}

function stepFailed(error: BackoutError): Partial<FactBody> & { type: FactBody["type"] } {
  const { code, message, hint, effect } = error;
  return { type: "step.failed", code, message, effect, ...(hint === undefined ? {} : { hint }) };
}

/** The world could not be asked: that is not knowing, and a person decides. */
function settleFailed(error: BackoutError): Partial<FactBody> & { type: FactBody["type"] } {
  return { type: "step.settled", state: "unknown", summary: `could not be asked: ${error.message}` };
}

function redacted<Body extends object>(body: Body, redact: (text: string) => string): Body {
  const entries = Object.entries(body).map(([key, value]) => [
    key,
    typeof value === "string" ? redact(value) : value,
  ]);
  return Object.fromEntries(entries) as Body;
}
