import type { Draft } from "../core/checkpoint/checkpoint-store.js";
import type { Checkpoint } from "../core/checkpoint/manifest.js";
import type { CaptureContext, Captured, TargetDriver } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { GivenFile, GivenOrigin } from "../core/given-file.js";
import { type Baselines, readBaselines } from "./baselines.js";
import { type CallEvents, driverContext, loadTarget } from "./driver-call.js";
import { unfinishedRun } from "./find-run.js";
import type { GivenFiles } from "./given-files.js";
import { type LetGoPart, letGo } from "./let-go.js";
import type { Services } from "./services.js";

export interface CheckpointRequest extends CallEvents {
  readonly change?: string | undefined;
  /** Taken over in place of a capture. Where there are some, others are captured only `withRest`. */
  readonly given?: GivenFiles | undefined;
  readonly withRest?: boolean | undefined;
  readonly onCaptured?: (target: string, part: CheckpointedPart) => void;
  readonly onBaselines?: (baselines: Baselines) => void;
}

export interface CheckpointedPart {
  readonly summary: string;
  readonly captureMs: number;
  readonly given?: GivenOrigin;
}

/** For taking away what a checkpoint that did not come about has kept elsewhere. */
const letGoMs = 30_000;

/** Captures every target that can be captured, or takes over the given files, side by side. All of them are kept, or nothing is. */
export async function takeCheckpoint(services: Services, request: CheckpointRequest): Promise<Checkpoint> {
  const { playbook, actor } = services;
  if (request.change !== undefined && playbook.changes[request.change] === undefined) {
    throw new BackoutError("NOT_FOUND", `there is no change "${request.change}"`, {
      effect: "none",
      hint: `known: ${Object.keys(playbook.changes).join(", ") || "none; add it under changes:"}`,
    });
  }
  await refuseHalfWay(services);
  const draft = await services.checkpoints.create({
    system: playbook.system,
    environment: playbook.environment,
    change: request.change,
    by: actor,
  });
  // Where one of them fails, nobody waits for the other.
  const stop = new AbortController();
  const both = { ...request, signal: AbortSignal.any([request.signal, stop.signal]) };
  const parts: Record<string, LetGoPart> = {};
  try {
    await Promise.all([
      captureAll(services, draft, parts, both),
      recordBaselines(services, draft, both),
    ]).catch((error: unknown) => {
      stop.abort(error);
      throw error;
    });
    request.signal.throwIfAborted();
    return await draft.commit();
  } catch (error) {
    await draft.abandon();
    await letGo(services, parts, { ...request, signal: AbortSignal.timeout(letGoMs) });
    throw error;
  }
}

/** Half a rollback is a state that nobody wants to go back to, and it would be the newest checkpoint. */
async function refuseHalfWay(services: Services): Promise<void> {
  const open = await unfinishedRun(services);
  if (open === undefined) return;
  const { id, plan } = open.run;
  throw new BackoutError(
    "REFUSED",
    `run "${id}" (${plan.scenario}) is not finished; what is there now is half rolled back`,
    { effect: "none", hint: "backout status; backout resume or backout cancel, then again" },
  );
}

/** Beside the capture, so that it costs no time of its own where that takes as long. */
async function recordBaselines(services: Services, draft: Draft, request: CheckpointRequest): Promise<void> {
  // How the signals are now is not how they were when a given file was made.
  if (partial(request)) return;
  const baselines = await readBaselines(services, request);
  if (Object.keys(baselines.values).length > 0) draft.setBaselines(baselines.values, baselines.measured);
  request.onBaselines?.(baselines);
}

const partial = ({ given, withRest }: CheckpointRequest): boolean =>
  given !== undefined && given.size > 0 && withRest !== true;

async function captureAll(
  services: Services,
  draft: Draft,
  parts: Record<string, LetGoPart>,
  request: CheckpointRequest,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([request.signal, failed.signal]);
  const names = Object.keys(services.playbook.targets);
  await Promise.all(
    names.map(async (name) => {
      if (partial(request) && !request.given?.has(name)) return;
      try {
        await captureTarget(services, draft, name, parts, { ...request, signal });
      } catch (error) {
        // The first one is the reason; the others only end because of it.
        if (!failed.signal.aborted) failed.abort(named(name, error));
      }
    }),
  );
  failed.signal.throwIfAborted();
}

async function captureTarget(
  services: Services,
  draft: Draft,
  name: string,
  parts: Record<string, LetGoPart>,
  request: CheckpointRequest,
): Promise<void> {
  const { definition, driver, options } = await loadTarget(services, name);
  const begun = services.clock.now();
  const started = services.clock.monotonic();
  const context: CaptureContext = {
    ...driverContext(services, name, request),
    artifacts: draft.artifacts(name),
  };
  const file = request.given?.get(name);
  const taken: Taken | undefined =
    file === undefined
      ? await driver.capture?.(options, context)
      : await takeOver(file, driver, options, context);
  if (taken === undefined) return;
  const captureMs = Math.round(services.clock.monotonic() - started);
  const { identity, summary, data, given } = taken;
  const part = {
    ...{ identity, summary, data, captureMs },
    ...{ driver: definition.driver, options: definition.with },
    at: Math.min(taken.at ?? begun, begun),
    ...(given === undefined ? {} : { given }),
  };
  parts[name] = { ...part, artifacts: [] };
  draft.setPart(name, part);
  request.onCaptured?.(name, part);
}

type Taken = Captured & { readonly at?: number; readonly given?: GivenOrigin };

/** Where the file does not say when it was so, it was so before it was last written. */
async function takeOver(
  file: GivenFile,
  driver: TargetDriver,
  options: unknown,
  context: CaptureContext,
): Promise<Taken | undefined> {
  const adopted = await driver.adopt?.(file, options, context);
  if (adopted === undefined) return undefined;
  const { at, notes, ...captured } = adopted;
  return { ...captured, at: at ?? file.modified, given: { path: file.path, notes } };
}

function named(name: string, error: unknown): unknown {
  if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") return error;
  if ([name, `targets.${name}`].some((subject) => error.message.startsWith(subject))) return error;
  return new BackoutError(error.code, `${name}: ${error.message}`, {
    effect: error.effect,
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
