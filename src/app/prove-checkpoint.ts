import type { Checkpoint, CheckpointPart, ProofRecord } from "../core/checkpoint/checkpoint-store.js";
import type { Proof, ProveContext, TargetDriver } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

export interface ProveRequest extends CallEvents {
  /** Default: all parts. */
  readonly targets?: readonly string[];
  readonly onProven?: (target: string, proof: ProofRecord) => void;
}

/** Restores each part somewhere harmless and compares. A part that fails is in the result, not an exception. */
export async function proveCheckpoint(
  services: Services,
  checkpoint: Checkpoint,
  request: ProveRequest,
): Promise<Record<string, ProofRecord>> {
  const names = request.targets ?? Object.keys(checkpoint.parts);
  const proofs: Record<string, ProofRecord> = {};
  for (const name of names) {
    if (checkpoint.parts[name] === undefined) {
      throw new BackoutError("NOT_FOUND", `${name}: checkpoint "${checkpoint.id}" has no such part`, {
        effect: "none",
        hint: `it has: ${Object.keys(checkpoint.parts).join(", ")}`,
      });
    }
  }
  for (const name of names) {
    request.signal.throwIfAborted();
    const proof = await provePart(services, checkpoint, name, request);
    await services.checkpoints.saveProof(checkpoint.id, name, proof);
    proofs[name] = proof;
    request.onProven?.(name, proof);
  }
  return proofs;
}

async function provePart(
  services: Services,
  checkpoint: Checkpoint,
  name: string,
  request: ProveRequest,
): Promise<ProofRecord> {
  const part = checkpoint.parts[name] as CheckpointPart;
  const driver = await services.drivers.target(part.driver);
  const started = services.clock.monotonic();
  const at = services.clock.now();
  const proof = await attempt(services, checkpoint, name, driver, request);
  request.signal.throwIfAborted();
  return { ...proof, at, by: services.actor, tookMs: Math.round(services.clock.monotonic() - started) };
}

async function attempt(
  services: Services,
  checkpoint: Checkpoint,
  name: string,
  driver: TargetDriver,
  request: ProveRequest,
): Promise<Proof> {
  const part = checkpoint.parts[name] as CheckpointPart;
  const altered = await services.checkpoints.verify(checkpoint, [name]);
  if (altered.length > 0) {
    const checks = altered.map(({ message }) => ({ name: "artifacts", result: "failed" as const, message }));
    return { level: "declared", checks };
  }
  if (driver.prove === undefined) {
    return {
      level: "captured",
      checks: [{ name: "artifacts", result: "passed", message: "as they were captured" }],
    };
  }
  const scratch = await services.scratch(`prove-${name}`);
  try {
    const options = driver.options.parse(await services.resolve(part.with, `targets.${name}.with`));
    const context: ProveContext = {
      ...driverContext(services, name, request),
      artifacts: services.checkpoints.reader(checkpoint, name, scratch.folder),
      scratch: scratch.folder,
    };
    return await driver.prove(part, options, context);
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    return { level: "captured", checks: [{ name: "restores", result: "error", message: error.message }] };
  } finally {
    await scratch.done();
  }
}
