import { type Decision, decide } from "../core/decision/decide.js";
import { BackoutError } from "../core/errors.js";
import type { Playbook } from "../core/playbook/playbook.js";
import { evaluateTriggers } from "../core/signal/evaluate-triggers.js";
import type { Sample } from "../core/signal/sample.js";
import type { TriggerStatus } from "../core/signal/trigger-state.js";
import { readSignals } from "../engine/read-signals.js";
import { knownBaselines } from "./baselines.js";
import type { CallEvents } from "./driver-call.js";
import type { Services } from "./services.js";
import { signalSources } from "./signal-sources.js";
import { lookForGuards } from "./watch-guards.js";

export interface DecideRequest extends CallEvents {
  readonly change?: string | undefined;
  /** Question or trigger → what was said. */
  readonly answers: Readonly<Record<string, string>>;
  /** Asks a person; `undefined` where nobody can be asked. */
  readonly ask?: ((question: NonNullable<Decision["question"]>) => Promise<string>) | undefined;
}

export interface DecidedNow {
  readonly at: number;
  readonly decision: Decision;
  readonly statuses: readonly TriggerStatus[];
  readonly change?: string;
}

/** Reads every signal once, looks at what stands against a rollback, and asks for what is left until it is decided. */
export async function decideNow(services: Services, request: DecideRequest): Promise<DecidedNow> {
  const { playbook, clock } = services;
  const answers: Record<string, string> = {};
  for (const [name, answer] of Object.entries(request.answers))
    answers[name] = checked(playbook, name, answer);
  const statuses = await statusesNow(services, request);
  const { guards, change } = await lookForGuards(services, request.change);
  for (;;) {
    const at = clock.now();
    const known = { statuses, change, answers, asking: true };
    const decision = decide({ rules: playbook, guards, now: at, ...known });
    const { question } = decision;
    if (question === undefined || request.ask === undefined || Object.hasOwn(answers, question.name))
      return { at, decision, statuses, ...(change === undefined ? {} : { change }) };
    answers[question.name] = checked(playbook, question.name, await request.ask(question));
  }
}

/** Judged on one reading of each signal: what takes time to be certain is pending. */
async function statusesNow(services: Services, request: DecideRequest): Promise<readonly TriggerStatus[]> {
  const { playbook, clock } = services;
  const sources = await signalSources(services, request);
  const unread = new Set(sources.map(({ name }) => name));
  const samples: Sample[] = [];
  const stop = new AbortController();
  const onSample = (sample: Sample): void => {
    samples.push(sample);
    unread.delete(sample.signal);
    if (unread.size === 0) stop.abort();
  };
  if (unread.size > 0)
    await readSignals(sources, clock, onSample, AbortSignal.any([request.signal, stop.signal]));
  request.signal.throwIfAborted();
  const baselines = await knownBaselines(services, request.change);
  return evaluateTriggers(playbook, undefined, samples, clock.now(), { baselines }).statuses;
}

/** A slip of the fingers must not decide anything. */
function checked({ questions = {}, triggers }: Playbook, name: string, answer: string): string {
  const known = Object.hasOwn(questions, name) ? questions[name]?.answers : undefined;
  const answers = known ?? (Object.hasOwn(triggers, name) ? ["yes", "no"] : undefined);
  if (answers === undefined) {
    const names = [...Object.keys(questions), ...Object.keys(triggers)];
    throw new BackoutError("USAGE", `--answer: there is no question or trigger "${name}"`, {
      effect: "none",
      hint: `known: ${names.join(", ") || "none"}`,
    });
  }
  if (answers.includes(answer)) return answer;
  throw new BackoutError("USAGE", `--answer ${name}: "${answer}" is none of ${answers.join(", ")}`, {
    effect: "none",
    hint: `--answer ${name}=${answers[0]}`,
  });
}
