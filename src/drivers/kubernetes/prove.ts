import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import { wouldWrite } from "./apply-objects.js";
import { inParallel } from "./apply-workloads.js";
import { capturedSnapshot, type Data } from "./capture.js";
import { nodeImageChecks } from "./node-images.js";
import { isWorkload, keyOf, type Piece, type Snapshot } from "./piece.js";
import { pinChecks } from "./pin-images.js";
import { referencesOf } from "./references.js";
import { scratchPod, startScratch } from "./scratch-pod.js";
import type { TargetOptions } from "./target-options.js";
import { wouldChange } from "./workload-change.js";

type Result = Pick<Check, "result" | "actual" | "message">;
const passed: Result = { result: "passed" };

/**
 * The API server is asked to take everything back as if it were meant, and does not: names, schemas, admission rules,
 * rights and quotas are then known to allow it. Registry and nodes are asked for the images. On request one pod of each
 * template is also started beside.
 */
export const prove = (
  captured: CapturedPart<Data>,
  options: TargetOptions,
  context: ProveContext,
): Promise<Proof> =>
  withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const begun = context.clock.monotonic();
    const then = await capturedSnapshot(captured.data, context.artifacts);
    const pieces = Object.values(then);
    const workloads = pieces.filter(({ kind }) => isWorkload(kind));
    const held = await pinChecks(captured.data.pins ?? [], options.pin, context);
    const onNodes = await nodeImageChecks(read, workloads, captured.data, held);
    const unknown = onNodes.unknown.length === 0 ? {} : { unknown: onNodes.unknown };
    const checks = [
      ...(await inParallel(pieces, (piece) => taken(read, piece))),
      ...(await inParallel(workloads, (piece) => resolved(read, piece, then))),
      ...(await inParallel(workloads, (piece) => admitted(read, piece, context))).flat(),
      ...held,
      ...onNodes.checks,
    ];
    if (options.proof === "dry-run" || checks.some(({ result }) => result !== "passed")) {
      return { level: "readable", checks, ...unknown };
    }
    const started: Check[] = [];
    for (const piece of workloads) {
      const run = () => startScratch(read, piece, context);
      started.push(await asked(`${keyOf(piece)}: starts and becomes ready beside`, run));
    }
    const level = started.length > 0 ? "restored" : "readable";
    const restoreMs = Math.round(context.clock.monotonic() - begun);
    return { level, checks: [...checks, ...started], restoreMs, ...unknown };
  });

/** What the cluster refuses has failed; what it did not answer was not measured. */
async function asked(name: string, ask: () => Promise<Result>): Promise<Check> {
  try {
    return { name, ...(await ask()) };
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const refused = ["REFUSED", "CHECK_FAILED", "NOT_FOUND"].includes(error.code);
    return refused
      ? { name, result: "failed", expected: "taken", actual: error.message }
      : { name, result: "error", message: error.message };
  }
}

const taken = (read: Reader, piece: Piece): Promise<Check> =>
  asked(`${keyOf(piece)}: would be taken back`, async () => {
    if (!isWorkload(piece.kind)) await wouldWrite(read, piece);
    else await wouldChange(read, piece, await read.find<Workload>(piece.kind, piece.name));
    return passed;
  });

const templateOf = (piece: Piece) => (piece.content["spec"] as JsonObject)["template"];

/** Either there, or in the checkpoint. */
const resolved = (read: Reader, piece: Piece, then: Snapshot): Promise<Check> =>
  asked(`${keyOf(piece)}: what it refers to is there`, async () => {
    const { needed } = referencesOf(templateOf(piece) as never);
    const names = [
      ...needed.configMaps.map((name) => ({ kind: "ConfigMap" as const, name })),
      ...needed.secrets.map((name) => ({ kind: "Secret" as const, name })),
    ].filter((one) => !(keyOf(one) in then));
    const missing = await inParallel(names, async (one) =>
      (await read.find(one.kind, one.name)) === undefined ? [keyOf(one)] : [],
    );
    return missing.flat().length === 0
      ? passed
      : { result: "failed", actual: `there is no ${missing.flat().join(", ")}` };
  });

/** Quotas and admission rules of pods. Who may not make pods, as a rollback never does, is not asked. */
async function admitted(read: Reader, piece: Piece, { scratch, log }: ProveContext): Promise<Check[]> {
  const name = `${keyOf(piece)}: one more pod would be admitted`;
  try {
    const body = scratchPod(piece, scratch);
    const path = (await read.needed("Pod")).path();
    await read.api.json({ method: "POST", path, query: { dryRun: "All" }, body });
    return [{ name, ...passed }];
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    // Also a full quota is "forbidden"; only a missing right names the user.
    if (error.code === "DENIED" && /User ".*" cannot create/.test(error.message)) {
      log(`${name}: not asked: ${error.message}`);
      return [];
    }
    return [{ name, result: "failed", expected: "admitted", actual: error.message }];
  }
}
