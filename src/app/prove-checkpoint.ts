import type { Checkpoint, CheckpointPart } from "../core/checkpoint/manifest.js";
import type { ProofRecord } from "../core/checkpoint/proof-record.js";
import type { Check, ProveContext, TargetDriver } from "../core/driver.js";
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
  const at = services.clock.now();
  const proof = await attempt(services, checkpoint, name, driver, request);
  request.signal.throwIfAborted();
  return { ...proof, at, by: services.actor };
}

type Attempt = Omit<ProofRecord, "at" | "by">;

async function attempt(
  services: Services,
  checkpoint: Checkpoint,
  name: string,
  driver: TargetDriver,
  request: ProveRequest,
): Promise<Attempt> {
  const part = checkpoint.parts[name] as CheckpointPart;
  if (driver.prove === undefined) {
    const checks: Check[] = [{ name: "artifacts", result: "passed", message: "as they were captured" }];
    return { level: "captured", result: "passed", checks };
  }
  const scratch = services.scratch(`prove-${name}`);
  try {
    const options = driver.options.parse(await services.resolve(part.options, `targets.${name}.with`));
    const context: ProveContext = {
      ...driverContext(services, name, request),
      artifacts: services.checkpoints.reader(checkpoint.id, name, scratch.folder),
      scratch: await scratch.folder(),
    };
    const proof = await driver.prove(part, options, context);
    return { ...proof, result: overall(proof.checks) };
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    const failed = error.code === "ARTIFACT_ALTERED" || error.code === "ARTIFACT_MISSING";
    return { level: "captured", result: failed ? "failed" : "error", checks: [], message: error.message };
  } finally {
    await scratch.done();
  }
}

/** A proof that compared nothing has proven nothing. */
function overall(checks: readonly Check[]): ProofRecord["result"] {
  if (checks.some((check) => check.result === "failed")) return "failed";
  return checks.length > 0 && checks.every((check) => check.result === "passed") ? "passed" : "error";
}
