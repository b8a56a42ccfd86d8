import { BackoutError } from "../core/errors.js";
import type { Clock, Orphans } from "../core/ports.js";
import type { AbortWhy, Fact, FactBody, TakenFrom } from "../core/run/fact.js";
import { type Limits, limitsOf, next, type RunCommand } from "../core/run/next.js";
import { advance } from "../core/run/project.js";
import { requestFact } from "../core/run/request-fact.js";
import type { Lease, RunJournal, RunRecord } from "../core/run/run-journal.js";
import type { RunState } from "../core/run/run-state.js";
import { Alarm } from "./alarm.js";
import { keepLease } from "./keep-lease.js";
import type { StepPerformer } from "./perform-step.js";
import { recordedState } from "./recorded-state.js";
import { StepsAtWork } from "./steps-at-work.js";

export interface RunListener {
  /** After the fact is on disk. */
  readonly onFact?: (fact: Fact, state: RunState) => void;
  readonly onProgress?: (step: string, line: string) => void;
}

export interface ExecuteRunOptions extends RunListener {
  readonly journal: RunJournal;
  readonly clock: Clock;
  readonly run: RunRecord;
  readonly lease: Lease;
  readonly performer: StepPerformer;
  /** Default: the plan's. */
  readonly limits?: Limits;
  /** Ends what an earlier owner's programs are still doing, before anything else. */
  readonly orphans?: Orphans;
  /** Whose lease it had been. */
  readonly from?: TakenFrom;
  /** Facts to record right after taking over: what a person decided. */
  readonly first?: readonly (FactBody & { readonly actor: string })[];
  /** Aborted: no further step starts, running ones end, the run stays resumable. */
  readonly interrupt?: AbortSignal;
  /** Aborted: running steps are ended as well; what became of them is asked on resume. */
  readonly kill?: AbortSignal;
}

/** How often requests of other processes (cancel, skip), and the lease itself, are looked for. Milliseconds. */
const inboxEvery = 250;
/** So long a look at the lease counts for what begins next. Milliseconds. */
const fenceFresh = 20;

/**
 * Executes a run until it is finished, stopped or interrupted. Everything decided is recorded first: facts of one
 * turn go to disk in one transaction, and only then do the effects that they announce begin.
 */
export async function executeRun(options: ExecuteRunOptions): Promise<RunState> {
  const { journal, run } = options;
  try {
    const execution = new Execution(options, await recordedState(journal, run));
    const lease = keepLease(options, (error) => execution.abandon(error));
    try {
      return await execution.go();
    } finally {
      lease.stop();
    }
  } catch (error) {
    throw unwritable(error);
  }
}

class Execution {
  private readonly options: ExecuteRunOptions;
  private readonly state: RunState;
  private readonly steps: StepsAtWork;
  private readonly alarm: Alarm;
  private fenceSeenAt = Number.NEGATIVE_INFINITY;
  /** Facts of this turn that are not on disk yet. */
  private unsaved: Fact[] = [];
  private abandoned: unknown;
  private inboxReadAt = Number.NEGATIVE_INFINITY;

  constructor(options: ExecuteRunOptions, state: RunState) {
    const { performer, clock, run, lease, onProgress } = options;
    this.options = options;
    this.state = state;
    this.alarm = new Alarm(clock, inboxEvery);
    this.steps = new StepsAtWork({
      ...{ performer, clock, run, fence: lease.fence, onNews: this.alarm.wake },
      ...(onProgress === undefined ? {} : { onProgress }),
      ensureOwner: () => this.ensureOwner(),
      onFault: (error) => this.abandon(error),
    });
  }

  async go(): Promise<RunState> {
    if (this.state.status === "finished") return this.state;
    const { interrupt, kill, lease, from, first = [] } = this.options;
    const reaped = await this.endOrphans();
    const killed = (): void => this.abandon(new BackoutError("INTERRUPTED", "interrupted"));
    interrupt?.addEventListener("abort", this.alarm.wake);
    kill?.addEventListener("abort", killed);
    if (kill?.aborted) killed();
    try {
      const taken = from === undefined ? {} : { from };
      this.record({ type: "run.owned", owner: lease.owner, fence: lease.fence, ...taken }, "engine");
      for (const body of reaped) this.record(body, "engine");
      for (const { actor, ...body } of first) this.record(body, actor);
      while (await this.turn());
    } finally {
      interrupt?.removeEventListener("abort", this.alarm.wake);
      kill?.removeEventListener("abort", killed);
      this.alarm.stop();
      await this.steps.endAll();
    }
    if (this.abandoned !== undefined) throw this.abandoned;
    return this.state;
  }

  /** A step that a former owner left in the middle goes on in its programs until they are ended. */
  private async endOrphans(): Promise<FactBody[]> {
    const { orphans, run } = this.options;
    const { running, unsettled, undecided, steps } = this.state;
    const ids = [...running, ...unsettled, ...undecided];
    if (orphans === undefined || ids.length === 0) return [];
    const wanted = ids.map((id) => ({ key: `${run.id}/${id}`, known: steps.get(id)?.processes ?? [] }));
    const found = await orphans.end(wanted);
    return ids.flatMap((step): FactBody[] => {
      const one = found.find(({ key }) => key === `${run.id}/${step}`);
      if (one === undefined || one.ended.length + one.left.length === 0) return [];
      const attempt = steps.get(step)?.attempt ?? 1;
      return [{ type: "step.reaped", step, attempt, ended: one.ended, left: one.left }];
    });
  }

  /** Ends what runs, because this process may not or cannot record any more. */
  abandon(error: unknown): void {
    this.abandoned ??= error;
    this.alarm.wake();
  }

  /** One round of: record what happened, decide, save, do. False when there is nothing left to do. */
  private async turn(): Promise<boolean> {
    if (this.abandoned !== undefined) return false;
    const answered = await this.recordRequests();
    for (const body of this.steps.takeFacts()) this.record(body, "engine");
    const interrupted = this.options.interrupt?.aborted ?? false;
    const commands = this.decide(interrupted);
    this.announce(commands);
    await this.save(answered);
    if (this.state.status === "finished" || this.state.status === "stopped") return false;
    await this.lookAtLease();
    if (this.abandoned !== undefined) return false;
    for (const command of commands) this.launch(command);
    if (this.steps.haveEnded) return true;
    if (interrupted && this.steps.count === 0) return false;
    const wait = commands.find((command) => command.do === "wait");
    await this.alarm.sleep(wait?.do === "wait" ? wait.until : undefined);
    return true;
  }

  private decide(interrupted: boolean): RunCommand[] {
    const commands = next(
      this.state,
      this.options.clock.now(),
      this.options.limits ?? limitsOf(this.state.plan),
    );
    return commands.filter((command) => {
      if (command.do === "start") return !interrupted && this.steps.mayStart(command.step);
      return command.do !== "settle" || this.steps.mayBeAsked(command.step);
    });
  }

  /** The facts that must be on disk before the commands are carried out. */
  private announce(commands: readonly RunCommand[]): void {
    for (const command of commands) {
      switch (command.do) {
        case "start":
          this.record({ type: "step.started", step: command.step, attempt: command.attempt }, "engine");
          break;
        case "abort": {
          const attempt = this.state.steps.get(command.step)?.attempt ?? 1;
          this.record({ type: "step.aborted", step: command.step, attempt, why: command.why }, "engine");
          break;
        }
        case "fire":
          this.recordTimer(command.timer, command.due);
          break;
        case "stop": {
          const { do: _, ...stopped } = command;
          this.record({ type: "run.stopped", ...stopped }, "engine");
          break;
        }
        case "finish": {
          const { do: _, ...finished } = command;
          this.record({ type: "run.finished", ...finished }, "engine");
          break;
        }
      }
    }
  }

  private launch(command: RunCommand): void {
    if (command.do === "abort") this.steps.abort(command.step, abortReason(command.step, command.why));
    if (command.do !== "start" && command.do !== "settle") return;
    const step = this.state.steps.get(command.step)?.step;
    if (step !== undefined) this.steps.launch(command, step);
  }

  private recordTimer(timer: number, due: number): void {
    const planned = this.state.plan.escalate?.[timer];
    if (planned === undefined) return;
    const { say, to } = planned;
    const lateMs = this.options.clock.now() - due;
    this.record(
      { type: "timer.fired", timer, say, ...(to === undefined ? {} : { to }), due, lateMs },
      "engine",
    );
  }

  private async ensureOwner(): Promise<void> {
    if (this.abandoned === undefined) await this.lookAtLease();
    if (this.abandoned !== undefined) throw this.abandoned;
  }

  /** Whoever was stopped for a while may have lost the run meanwhile, and notices before anything else begins. */
  private async lookAtLease(): Promise<void> {
    const { journal, lease, clock } = this.options;
    if (clock.monotonic() - this.fenceSeenAt < fenceFresh) return;
    const held = await journal.lease(lease.scope);
    if (held?.fence === lease.fence) {
      this.fenceSeenAt = clock.monotonic();
      return;
    }
    this.abandon(
      new BackoutError("FENCED", `${lease.scope}: another process has taken over`, {
        effect: "none",
        hint: "backout status",
      }),
    );
  }

  private async recordRequests(): Promise<number[]> {
    const { journal, clock, run } = this.options;
    if (clock.monotonic() - this.inboxReadAt < inboxEvery) return [];
    this.inboxReadAt = clock.monotonic();
    await this.lookAtLease();
    if (this.abandoned !== undefined) return [];
    const requests = await journal.requests(run.id);
    for (const { request } of requests) {
      const body = requestFact(this.state, request);
      if (body !== undefined) this.record(body, request.actor);
    }
    return requests.map(({ id }) => id);
  }

  private record(body: FactBody, actor: string): void {
    const fact = { seq: this.state.lastSeq + 1, at: this.options.clock.now(), actor, ...body } as Fact;
    advance(this.state, fact);
    this.unsaved.push(fact);
  }

  private async save(answered: readonly number[]): Promise<void> {
    const facts = this.unsaved;
    this.unsaved = [];
    if (facts.length === 0 && answered.length === 0) return;
    const { journal, run, lease, clock } = this.options;
    const began = clock.monotonic();
    await journal.append(run.id, facts, lease, answered);
    this.fenceSeenAt = began;
    for (const fact of facts) this.options.onFact?.(fact, this.state);
  }
}

/** The run stands where its journal cannot be written: what runs is ended, and asked about on resume. */
function unwritable(error: unknown): unknown {
  if (!(error instanceof BackoutError)) return error;
  const { code, message, hint } = error;
  if (code !== "STATE_FULL" && code !== "STATE_UNWRITABLE") return error;
  return new BackoutError("RUN_STOPPED", `${message}; the run stands, since nothing may happen unrecorded`, {
    hint: hint ?? "backout resume",
    cause: error,
  });
}

function abortReason(step: string, why: AbortWhy): BackoutError {
  if (why === "cancelled") return new BackoutError("INTERRUPTED", `${step}: cancelled`);
  if (why === "line-stopped")
    return new BackoutError("INTERRUPTED", `${step}: told to end, since another step failed`);
  const fact =
    why === "timeout" ? "did not end within its time-out" : "was still running when the run's time was over";
  return new BackoutError("TIMEOUT", `${step}: ${fact}`);
}
