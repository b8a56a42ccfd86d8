import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { capturedBytes } from "./captured-bytes.js";
import { decodeText, type KeyChange, keyChanges, parseVariables, type Variables } from "./env-text.js";
import { absent, accessOf, type EnvFileData, identityOf, readState, shortDigest } from "./file-state.js";
import type { EnvFileOptions } from "./options.js";
import { expectedOf, runningProcesses, staleKeys } from "./process-environment.js";

export type ProcessSeen = {
  /** Which process it is, told apart from its successor; null where none runs. */
  readonly instance: string | null;
  /** Names that it has otherwise than the captured file; null where that cannot be known. */
  readonly stale: readonly string[] | null;
};

export type EnvFileSeen = {
  readonly access: string | null;
  /** Since the capture; null where the captured values are not at hand. */
  readonly changes: readonly (KeyChange & { readonly [key: string]: string })[] | null;
  readonly process: ProcessSeen | null;
};

async function capturedVariables(
  captured: CapturedPart<EnvFileData> | undefined,
  options: EnvFileOptions,
  context: ObserveContext,
): Promise<Variables | undefined> {
  if (captured === undefined) return undefined;
  try {
    const text = decodeText(await capturedBytes(captured, options, context));
    return text === undefined ? undefined : parseVariables(text);
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    context.log(`the captured values are not at hand, so changed variables are not named: ${error.message}`);
    return undefined;
  }
}

/** A process that cannot be looked at does not stop the rollback of its file: what it has is then unknown. */
async function processSeen(
  options: EnvFileOptions,
  context: ObserveContext,
  expected: Variables | undefined,
): Promise<ProcessSeen | null> {
  if (options.process === undefined) return null;
  try {
    const processes = await runningProcesses(options.process, context);
    const comparable = options.process.proof === "environment" && expected !== undefined;
    return {
      instance: processes[0]?.instance ?? null,
      stale: comparable ? staleKeys(processes, expectedOf(expected, options.process)) : null,
    };
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    context.log(`the process could not be looked at: ${error.message}`);
    return { instance: null, stale: null };
  }
}

const listed = (changes: readonly KeyChange[]): string =>
  changes.map(({ key, how }) => `${key}: ${how}${how === "changed" ? " (hidden)" : ""}`).join(", ");

export async function observe(
  options: EnvFileOptions,
  context: ObserveContext,
  captured?: CapturedPart<EnvFileData>,
): Promise<Observation<EnvFileSeen>> {
  const state = await readState(options.file, context);
  const text = state && decodeText(state.bytes);
  const now = parseVariables(text ?? "");
  // The same text has the same values, which need not be decrypted.
  const same = text !== undefined && state?.digest === captured?.data.digest;
  const expected = same ? now : await capturedVariables(captured, options, context);
  const changes = expected === undefined ? null : keyChanges(expected, now).map((one) => ({ ...one }));
  const process = await processSeen(options, context, expected);
  if (state === undefined) {
    return { identity: absent, summary: "the file is missing", data: { access: null, changes, process } };
  }
  const count = `${Object.keys(now).length} variables (${shortDigest(state.digest)})`;
  return {
    identity: identityOf(state),
    summary: changes === null || changes.length === 0 ? count : `${count}; ${listed(changes)}`,
    data: { access: accessOf(state), changes, process },
  };
}
