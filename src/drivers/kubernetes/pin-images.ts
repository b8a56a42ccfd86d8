import { randomBytes } from "node:crypto";
import { repositoryOf } from "../../clients/registry/image-name.js";
import { type Registry, registry } from "../../clients/registry/registry.js";
import type { Check, DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { PinOptions } from "./pin-options.js";
import { currentRevision, isReady, podsOf, type WorkloadState } from "./workload.js";

/** An image that runs, under a tag that only its checkpoint has: a registry that keeps what has a tag keeps it. */
export type Pin = {
  /** Without tag: `ghcr.io/shop/api`. */
  readonly repository: string;
  readonly digest: string;
  readonly tag: string;
};

export interface Pinned {
  readonly pins: readonly Pin[];
  /** Why others are not. */
  readonly unpinned: readonly string[];
}

/** For taking tags away again when a capture is ended. Milliseconds. */
const lastMs = 20_000;

type Context = Pick<DriverContext, "http" | "signal" | "clock" | "log">;

const place = ({ host, path }: ReturnType<typeof repositoryOf>): string => `${host}/${path}`;

const registryOf = (
  repository: string,
  options: PinOptions,
  context: Pick<Context, "http" | "signal">,
): Registry => registry(repositoryOf(repository), options, context);

/** Repository and digest of everything that runs; why it is none where it came out of no registry. */
function running(states: readonly WorkloadState[]): {
  found: Map<string, Omit<Pin, "tag">>;
  strange: string[];
} {
  const found = new Map<string, Omit<Pin, "tag">>();
  const strange = new Set<string>();
  for (const state of states) {
    for (const pod of podsOf(state, currentRevision(state)).filter(isReady)) {
      for (const { name, imageID } of pod.status?.containerStatuses ?? []) {
        const image = pod.spec.containers.find((one) => one.name === name)?.image ?? "";
        const digest = /@(sha256:[0-9a-f]{64})$/.exec(imageID)?.[1];
        if (digest === undefined) strange.add(`${image}: came out of no registry`);
        else {
          const repository = place(repositoryOf(image));
          found.set(`${repository}@${digest}`, { repository, digest });
        }
      }
    }
  }
  return { found, strange: [...strange] };
}

/** Gives what runs a tag of the checkpoint's own. Rejects only where the options say that it has to be. */
export async function pinImages(
  states: readonly WorkloadState[],
  options: PinOptions | undefined,
  context: Context,
): Promise<Pinned> {
  if (options === undefined) return { pins: [], unpinned: [] };
  const { found, strange } = running(states);
  const time = new Date(context.clock.now()).toISOString().slice(0, 19).replace(/[-:T]/g, "");
  // Of two checkpoints within a second, one may be removed while the other keeps its hold.
  const own = `backout-${time}-${randomBytes(4).toString("hex")}`;
  const unpinned = [...strange];
  const pins: Pin[] = [];
  for (const { repository, digest } of found.values()) {
    const tag = `${own}-${digest.slice(7, 19)}`;
    try {
      await registryOf(repository, options, context).tag(digest, tag);
      pins.push({ repository, digest, tag });
    } catch (error) {
      if (context.signal.aborted || !(error instanceof BackoutError)) {
        await unpinImages(pins, options, { ...context, signal: AbortSignal.timeout(lastMs) });
        throw error;
      }
      unpinned.push(error.message);
    }
  }
  const [first] = unpinned;
  if (first === undefined) return { pins, unpinned };
  const hint = "give `pin` a user who may push, or keep the images by the registry's own rules";
  if (options.required) {
    await unpinImages(pins, options, context);
    throw new BackoutError("REFUSED", `images cannot be held: ${unpinned.join("; ")}`, {
      effect: "none",
      hint,
    });
  }
  for (const why of unpinned) context.log(`image not held in its registry: ${why}; ${hint}`);
  return { pins, unpinned };
}

/** Takes the tags away that still lead where they led; says what was left. */
export async function unpinImages(
  pins: readonly Pin[],
  options: PinOptions | undefined,
  context: Pick<Context, "http" | "signal">,
): Promise<string[]> {
  const left: string[] = [];
  for (const { repository, digest, tag } of pins) {
    try {
      const there = registryOf(repository, options ?? { plain: false, required: false }, context);
      const now = await there.digest(tag);
      if (now === undefined) continue;
      if (now === digest) await there.untag(tag);
      else left.push(`${repository}:${tag}: somebody has led it to ${now}: left as it is`);
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      left.push(`${repository}:${tag}: is still there: ${error.message}`);
    }
  }
  return left;
}

/** Whether the registry still has what was captured. */
export const pinChecks = (
  pins: readonly Pin[],
  options: PinOptions | undefined,
  context: Pick<Context, "http" | "signal">,
): Promise<Check[]> =>
  Promise.all(
    pins.map(async ({ repository, digest }): Promise<Check> => {
      const name = `${repository}: the registry has the image`;
      try {
        const there = registryOf(repository, options ?? { plain: false, required: false }, context);
        const found = await there.digest(digest);
        return {
          name,
          result: found === digest ? "passed" : "failed",
          expected: digest,
          actual: found ?? "none",
        };
      } catch (error) {
        if (!(error instanceof BackoutError)) throw error;
        return { name, result: "error", expected: digest, message: error.message };
      }
    }),
  );
