import type {
  CapturedPart,
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
import type { ArtifactReader, Clock, Host, Http, Processes } from "../core/ports.js";
import type { FactBody } from "../core/run/fact.js";
import { pollCheck } from "./poll-check.js";
import { type StepWatch, stepHost, stepHttp } from "./step-host.js";

export interface StepCall {
  readonly run: string;
  readonly plan: Plan;
  readonly step: PlanStep;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** Where the engine keeps track of the step's programs. */
  readonly watch?: StepWatch;
}

/** What came of a step, as a fact. */
export type StepEnd = Extract<FactBody, { type: "step.succeeded" | "step.failed" | "step.settled" }>;

/** Carries one step out and says what came of it. Never rejects. */
export interface StepPerformer {
  perform(call: StepCall): Promise<StepEnd>;
  settle(call: StepCall): Promise<StepEnd>;
}

/** Without what is the same for each of them. */
type Result = StepEnd extends infer End
  ? End extends StepEnd
    ? Omit<End, "step" | "attempt" | "ms" | "log">
    : never
  : never;

/** What steps need of the world. */
export interface StepWorld {
  readonly host: Host;
  readonly http: Http;
  readonly clock: Clock;
  /** Without it, nobody keeps track of a step's programs. */
  readonly processes?: Pick<Processes, "identify">;
  readonly redact: (text: string) => string;
  targetDriver(id: string): Promise<TargetDriver>;
  checkDriver(id: string): Promise<CheckDriver>;
  /** Puts secrets in the place of their references. */
  resolve(value: JsonObject, at: string): Promise<Json>;
  /** An empty folder for the step, removed by `done`. */
  scratch(key: string): Promise<{ readonly folder: string; done(): Promise<void> }>;
  artifacts(checkpoint: string | undefined, target: string, scratch: string): ArtifactReader;
}

/** The same on every attempt. */
const stepKey = ({ run, step }: Pick<StepCall, "run" | "step">): string => `${run}/${step.id}`;

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
  work: (log: Logger) => Promise<Result>,
  failed: (error: BackoutError) => Result = stepFailed,
): Promise<StepEnd> {
  const started = world.clock.monotonic();
  const log: string[] = [];
  const logger: Logger = (line) => {
    log.push(world.redact(line));
    if (log.length > logLines) log.shift();
  };
  const result = redacted(
    await work(logger).catch((thrown: unknown) => failed(readable(call, thrown))),
    world.redact,
  );
  const which = { step: call.step.id, attempt: call.attempt };
  if (result.type === "step.settled") return { ...result, ...which };
  const ms = Math.round(world.clock.monotonic() - started);
  return { ...result, ...which, ms, ...(log.length > 0 ? { log } : {}) };
}

async function perform(world: StepWorld, call: StepCall, log: Logger): Promise<Result> {
  call.signal.throwIfAborted();
  const { step } = call;
  if (step.kind === "check") return checked(await askCheck(world, call, log));
  if (step.kind === "verify") return checked(await verifyTarget(world, call, log));
  return withStep(world, call, log, async (driver, job, context) => {
    const { summary, changed, data, loses } = await driver.apply(job, context);
    return {
      type: "step.succeeded",
      summary,
      changed,
      ...(data === undefined ? {} : { data }),
      ...(loses === undefined ? {} : { loses }),
    };
  });
}

async function settle(world: StepWorld, call: StepCall, log: Logger): Promise<Result> {
  return withStep(world, call, log, async (driver, job, context) => {
    const settlement = await driver.settle(job, context);
    return { type: "step.settled", state: settlement.state, summary: settlement.summary };
  });
}

async function withStep<Value>(
  world: StepWorld,
  call: StepCall,
  log: Logger,
  work: (driver: TargetDriver, job: StepJob<unknown, Json>, context: StepContext) => Promise<Value>,
): Promise<Value> {
  const { step } = call;
  const key = stepKey(call);
  return withTarget(world, call, log, async (driver, options, { folder, artifacts, captured }) => {
    const context: StepContext = {
      ...driverContext(world, call, log),
      key,
      attempt: call.attempt,
      scratch: folder,
      artifacts,
    };
    return work(driver, { operation: step.operation, input: step.input, options, captured }, context);
  });
}

async function verifyTarget(world: StepWorld, call: StepCall, log: Logger): Promise<Check[]> {
  return withTarget(world, call, log, async (driver, options, { artifacts, captured }) => {
    const { to, keep = [] } = call.plan.targets[call.step.subject] ?? {};
    const context = { ...driverContext(world, call, log), artifacts, keep };
    if (call.plan.undoes !== undefined) {
      return to === undefined ? [] : ((await driver.undo?.verify(to, options, context)) ?? []);
    }
    return captured === undefined ? [] : ((await driver.verify?.(captured, options, context)) ?? []);
  });
}

interface TargetAtHand {
  readonly folder: string;
  readonly artifacts: ArtifactReader;
  readonly captured: CapturedPart | undefined;
}

/** What fails before the driver is called has no effect. */
async function withTarget<Value>(
  world: StepWorld,
  { run, plan, step }: StepCall,
  log: Logger,
  work: (driver: TargetDriver, options: unknown, at: TargetAtHand) => Promise<Value>,
): Promise<Value> {
  const target = plan.targets[step.subject] as PlannedTarget;
  const { driver, options, scratch } = await prepared(async () => {
    const driver = await world.targetDriver(step.driver);
    const options = driver.options.parse(await world.resolve(target.with, `targets.${step.subject}`));
    return { driver, options, scratch: await world.scratch(`${run}/${step.id}`) };
  });
  try {
    const artifacts = world.artifacts(plan.checkpoint?.id, step.subject, scratch.folder);
    return await work(driver, options, { folder: scratch.folder, artifacts, captured: target.captured });
  } finally {
    await scratch.done().catch((error: unknown) => log(`the scratch folder could not be removed: ${error}`));
  }
}

async function prepared<Value>(prepare: () => Promise<Value>): Promise<Value> {
  try {
    return await prepare();
  } catch (error) {
    const { code, message, hint } =
      error instanceof BackoutError
        ? error
        : { code: "INTERNAL" as const, message: String(error), hint: undefined };
    throw new BackoutError(code, message, {
      effect: "none",
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
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
  const { clock, processes } = world;
  const { watch } = call;
  const host =
    watch === undefined || processes === undefined
      ? world.host
      : stepHost(world.host, stepKey(call), watch, processes);
  const http = watch === undefined ? world.http : stepHttp(world.http, watch);
  const progress = (line: string): void => call.onProgress(world.redact(line));
  return { name: call.step.subject, host, http, clock, signal: call.signal, progress, log };
}

/** A check without a single result has measured nothing, and that is no pass. */
function checked(checks: readonly Check[]): Result {
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

function stepFailed(error: BackoutError): Result {
  const { code, message, hint, effect } = error;
  return { type: "step.failed", code, message, effect, ...(hint === undefined ? {} : { hint }) };
}

/** The world could not be asked: that is not knowing, and a person decides. */
function settleFailed(error: BackoutError): Result {
  return { type: "step.settled", state: "unknown", summary: `could not be asked: ${error.message}` };
}

function redacted(result: Result, redact: (text: string) => string): Result {
  if (result.type === "step.settled") return { ...result, summary: redact(result.summary) };
  const checks =
    result.checks === undefined ? {} : { checks: result.checks.map((one) => redactedCheck(one, redact)) };
  if (result.type === "step.succeeded") {
    const { data, loses } = result;
    return {
      ...result,
      summary: redact(result.summary),
      ...checks,
      ...(data === undefined ? {} : { data: redactedTexts(data, redact) }),
      ...(loses === undefined ? {} : { loses: redactedTexts(loses, redact) }),
    };
  }
  const hint = result.hint === undefined ? {} : { hint: redact(result.hint) };
  return { ...result, message: redact(result.message), ...hint, ...checks };
}

/** Every text in a piece of plain data. */
function redactedTexts<Value>(value: Value, redact: (text: string) => string): Value {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => (typeof one === "string" ? redact(one) : one)),
  ) as Value;
}

function redactedCheck(check: Check, redact: (text: string) => string): Check {
  const texts = (["name", "expected", "actual", "message"] as const).flatMap((key) => {
    const text = check[key];
    return text === undefined ? [] : [[key, redact(text)] as const];
  });
  return { ...check, ...Object.fromEntries(texts) };
}
