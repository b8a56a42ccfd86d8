import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { wantedBytes } from "./captured-bytes.js";
import { decodeText, parseVariables } from "./env-text.js";
import { absent, digestOf, type EnvFileData, identityOf, readState } from "./file-state.js";
import type { EnvFileOptions } from "./options.js";
import { expectedOf, runningProcesses, staleKeys } from "./process-environment.js";

async function fileCheck(
  captured: CapturedPart<EnvFileData>,
  options: EnvFileOptions,
  context: ObserveContext,
): Promise<Check> {
  const state = await readState(options.file, context);
  const keep = context.keep ?? [];
  const digest =
    keep.length === 0
      ? captured.data.digest
      : digestOf(await wantedBytes(captured, options, context, keep, state));
  const expected = identityOf({ ...captured.data, digest });
  const actual = state === undefined ? absent : identityOf(state);
  return { name: options.file, result: actual === expected ? "passed" : "failed", expected, actual };
}

async function processCheck(options: EnvFileOptions, context: ObserveContext): Promise<Check[]> {
  const { process } = options;
  if (process === undefined) return [];
  const name = `process of ${process.pidFile}`;
  const processes = await runningProcesses(process, context);
  const first = processes[0];
  if (first === undefined) return [{ name, result: "failed", message: "is not running" }];
  if (process.proof === "start") return [{ name, result: "passed", message: `process ${first.pid} runs` }];
  const state = await readState(options.file, context);
  const file = parseVariables(decodeText(state?.bytes ?? new Uint8Array()) ?? "");
  const stale = staleKeys(processes, expectedOf(file, process));
  if (stale.length === 0)
    return [{ name, result: "passed", message: `process ${first.pid} has the file's values` }];
  return [{ name, result: "failed", message: stale.map((key) => `${key}: differs (hidden)`).join(", ") }];
}

/** What could not be looked at is an error of its check, and does not hide the other one. */
async function orError(name: string, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [{ name, result: "error", message: error.message }];
  }
}

export async function verify(
  captured: CapturedPart<EnvFileData>,
  options: EnvFileOptions,
  context: ObserveContext,
): Promise<Check[]> {
  return [
    ...(await orError(options.file, async () => [await fileCheck(captured, options, context)])),
    ...(await orError("process", () => processCheck(options, context))),
  ];
}
