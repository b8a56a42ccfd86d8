import type {
  CaptureContext,
  Captured,
  CapturedPart,
  Check,
  Proof,
  ProveContext,
} from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { artifactName, capturedBytes } from "./captured-bytes.js";
import { decodeText, parseVariables } from "./env-text.js";
import { type EnvFileData, identityOf, readState, shortDigest } from "./file-state.js";
import type { EnvFileOptions } from "./options.js";

const namesIn = (bytes: Uint8Array): string[] => Object.keys(parseVariables(decodeText(bytes) ?? "")).sort();

export async function capture(
  options: EnvFileOptions,
  context: CaptureContext,
): Promise<Captured<EnvFileData>> {
  const state = await readState(options.file, context);
  if (state === undefined) {
    throw new BackoutError("NOT_FOUND", `${options.file}: does not exist`, {
      effect: "none",
      hint: "correct the path, or put the file there before the checkpoint",
    });
  }
  if (options.reference !== undefined) {
    const copy = await readState(options.reference, context);
    if (copy?.digest !== state.digest) {
      const how = copy === undefined ? "does not exist" : "differs from it";
      throw new BackoutError("REFUSED", `${options.file}: its reference copy "${options.reference}" ${how}`, {
        effect: "none",
        hint: `if the file is right: cp -p ${options.file} ${options.reference}`,
      });
    }
  } else {
    await context.artifacts.write(artifactName, state.bytes, { sensitive: true });
  }
  const keys = namesIn(state.bytes);
  const { digest, mode, uid, gid } = state;
  return {
    identity: identityOf(state),
    summary: `${keys.length} variables (${shortDigest(digest)})`,
    data: { digest, mode, uid, gid, keys },
  };
}

/** Decrypts, writes, reads again and parses, all in the scratch folder. */
export async function prove(
  captured: CapturedPart<EnvFileData>,
  options: EnvFileOptions,
  context: ProveContext,
): Promise<Proof> {
  const begun = context.clock.monotonic();
  let bytes: Uint8Array;
  try {
    bytes = await capturedBytes(captured, options, context);
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const wrong = error.code === "ARTIFACT_ALTERED" || error.code === "ARTIFACT_MISSING";
    const result = wrong ? "failed" : "error";
    return { level: "captured", checks: [{ name: "captured bytes", result, message: error.message }] };
  }
  const path = `${context.scratch}/environment`;
  await context.host.files.write(path, bytes, { mode: 0o600 });
  const back = await readState(path, context);
  await context.host.files.remove(path);
  const restoreMs = context.clock.monotonic() - begun;
  const names = namesIn(back?.bytes ?? new Uint8Array()).join(" ");
  const same = (name: string, expected: string, actual: string): Check => ({
    name,
    result: expected === actual ? "passed" : "failed",
    expected,
    actual,
  });
  return {
    level: "restored",
    restoreMs,
    checks: [
      same("restored copy has the captured digest", captured.data.digest, back?.digest ?? "absent"),
      same("restored copy has the captured variables", captured.data.keys.join(" "), names),
    ],
  };
}
