import type { CapturedPart, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { decodeText, keepVariables } from "./env-text.js";
import { digestOf, type EnvFileData, type FileState } from "./file-state.js";
import type { EnvFileOptions } from "./options.js";

export const artifactName = "environment";

/** The file as it was captured, from the checkpoint or from the team's copy; its digest is checked. */
export async function capturedBytes(
  captured: CapturedPart<EnvFileData>,
  options: EnvFileOptions,
  { artifacts, host }: ObserveContext,
): Promise<Uint8Array> {
  if (captured.artifacts.some(({ name }) => name === artifactName)) {
    if (artifacts === undefined) {
      throw new BackoutError("ARTIFACT_MISSING", `${artifactName}: the checkpoint is not at hand`, {
        effect: "none",
      });
    }
    return checked(await artifacts.read(artifactName), artifactName, captured);
  }
  if (options.reference === undefined) {
    throw new BackoutError("ARTIFACT_MISSING", `${options.file}: only its digest was captured`, {
      effect: "none",
      hint: "name the copy that the team keeps: reference: <path>",
    });
  }
  return checked(await host.files.read(options.reference), options.reference, captured);
}

function checked(bytes: Uint8Array, name: string, { data }: CapturedPart<EnvFileData>): Uint8Array {
  if (digestOf(bytes) === data.digest) return bytes;
  throw new BackoutError(
    "ARTIFACT_ALTERED",
    `${name}: is not what was captured, its digest is "${digestOf(bytes)}"`,
    {
      effect: "none",
      hint: `bring back the copy with the digest ${data.digest}`,
    },
  );
}

/** What restoring writes: the captured bytes, untouched unless something is kept of the present file. */
export async function wantedBytes(
  captured: CapturedPart<EnvFileData>,
  options: EnvFileOptions,
  context: ObserveContext,
  keep: readonly string[],
  present: FileState | undefined,
): Promise<Uint8Array> {
  const bytes = await capturedBytes(captured, options, context);
  if (keep.length === 0 || present === undefined) return bytes;
  const [before, now] = [decodeText(bytes), decodeText(present.bytes)];
  const text = before === undefined || now === undefined ? undefined : keepVariables(before, now, keep);
  if (text !== undefined) return new TextEncoder().encode(text);
  throw new BackoutError(
    "REFUSED",
    `${options.file}: "${keep.join('", "')}" cannot be kept, the captured and the present file cannot be joined`,
    { effect: "none", hint: "restore without `keep`, then set the variables by hand" },
  );
}
