import { BackoutError } from "../core/errors.js";
import type { PlanStep } from "../core/plan/plan.js";
import type { Clock, ProcessIdentity } from "../core/ports.js";
import type { FactBody } from "../core/run/fact.js";
import type { RunCommand } from "../core/run/next.js";
import type { RunRecord } from "../core/run/run-journal.js";
import type { StepCall, StepEnd, StepPerformer } from "./perform-step.js";

/** A step that was told to end and does not is given up after this long: its end is then unknown. Milliseconds. */
const abortGrace = 15_000;
/** A step's driver may look for the step's end for as long as the step itself may take, and at least this long. */
const settleAtLeast = 60_000;

export interface StepsAtWorkOptions {
  readonly performer: StepPerformer;
  readonly clock: Clock;
  readonly run: RunRecord;
  /** Of the lease under which they work. */
  readonly fence: number;
  readonly onProgress?: (step: string, line: string) => void;
  /** Throws where the run belongs to somebody else by now. */
  readonly ensureOwner: () => Promise<void>;
  /** There is something to tell. */
  readonly onNews: () => void;
  /** The performer broke its promise. */
  readonly onFault: (error: unknown) => void;
}

interface InFlight {
  readonly controller: AbortController;
  readonly done: Promise<void>;
}

/** The steps that this process carries out, or asks about, at this moment. What comes of them is told as facts. */
export class StepsAtWork {
  private readonly options: StepsAtWorkOptions;
  private readonly inFlight = new Map<string, InFlight>();
  /** Programs that have begun since the facts were taken and still run. */
  private readonly begun = new Set<FactBody & { readonly type: "step.process" }>();
  private marks = 0;
  /** What ended steps have to say, in the order in which they ended. */
  private outcomes: FactBody[] = [];
  /** Steps that were given up and may still be at work in this process. */
  private readonly stuck = new Set<string>();

  constructor(options: StepsAtWorkOptions) {
    this.options = options;
  }

  get count(): number {
    return this.inFlight.size;
  }

  /** Whether a step has ended that was not told of yet. */
  get haveEnded(): boolean {
    return this.outcomes.length > 0;
  }

  /** It must not be started beside itself. */
  mayStart(step: string): boolean {
    return !this.inFlight.has(step) && !this.stuck.has(step);
  }

  mayBeAsked(step: string): boolean {
    return !this.inFlight.has(step);
  }

  /** What has happened since the last time: programs that began, then steps that ended. */
  takeFacts(): FactBody[] {
    const facts = [...this.begun, ...this.outcomes];
    this.begun.clear();
    this.outcomes = [];
    return facts;
  }

  launch(command: RunCommand & { readonly do: "start" | "settle" }, step: PlanStep): void {
    const { performer, clock } = this.options;
    const controller = new AbortController();
    const over = new AbortController();
    const call = this.callOf(step, command.attempt, controller.signal);
    if (command.do === "settle" && this.stuck.has(step.id)) {
      this.outcomes.push(settledUnknown(call, "it was told to end and is still at work"));
      return;
    }
    const work = command.do === "start" ? performer.perform(call) : performer.settle(call);
    if (command.do === "settle") {
      const late = (): void => controller.abort(new BackoutError("TIMEOUT", `${step.id}: no answer in time`));
      clock.sleep(Math.max(settleAtLeast, step.timeoutMs), over.signal).then(late, () => {});
    }
    const done = Promise.race([work, this.giveUp(command.do, call, work, over.signal)])
      .then(
        (outcome) => {
          this.outcomes.push(outcome);
        },
        (error: unknown) => this.options.onFault(error),
      )
      .finally(() => {
        over.abort();
        this.inFlight.delete(step.id);
        this.options.onNews();
      });
    this.inFlight.set(step.id, { controller, done });
  }

  abort(step: string, reason: BackoutError): void {
    this.inFlight.get(step)?.controller.abort(reason);
  }

  async endAll(): Promise<void> {
    for (const { controller } of this.inFlight.values()) {
      controller.abort(new BackoutError("INTERRUPTED", "backout is ending", { effect: "unknown" }));
    }
    await Promise.all([...this.inFlight.values()].map(({ done }) => done));
  }

  private callOf(step: PlanStep, attempt: number, signal: AbortSignal): StepCall {
    const { run, fence, onProgress, ensureOwner } = this.options;
    return {
      ...{ run: run.id, plan: run.plan, step, attempt, signal },
      onProgress: (line) => onProgress?.(step.id, line),
      watch: {
        mark: () => `${fence}.${++this.marks}`,
        onProcess: (process, mark) => this.processBegan(step.id, attempt, process, mark),
        ensureOwner,
      },
    };
  }

  /** Resolves only if the step was told to end and did not. */
  private async giveUp(
    what: "start" | "settle",
    call: StepCall,
    work: Promise<unknown>,
    over: AbortSignal,
  ): Promise<StepEnd> {
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve, { once: true }));
    await this.options.clock.sleep(abortGrace, over);
    if (what === "settle") return settledUnknown(call, "no answer in time");
    const { step, attempt } = call;
    const ended = (): void => void this.stuck.delete(step.id);
    this.stuck.add(step.id);
    work.then(ended, ended);
    return {
      type: "step.failed",
      step: step.id,
      attempt,
      code: "TIMEOUT",
      message: `${step.id}: told to end, it did not within ${abortGrace / 1000} s`,
      effect: "unknown",
      ms: abortGrace,
    };
  }

  /** Recorded at once, beside the program: until then its mark tells whose it is. */
  private processBegan(step: string, attempt: number, process: ProcessIdentity, mark: string): () => void {
    const body = { type: "step.process", step, attempt, process, mark } as const;
    this.begun.add(body);
    this.options.onNews();
    return () => void this.begun.delete(body);
  }
}

function settledUnknown({ step, attempt }: StepCall, summary: string): StepEnd {
  return { type: "step.settled", step: step.id, attempt, state: "unknown", summary };
}
