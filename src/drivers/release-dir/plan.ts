import type { CapturedPart, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";
import type { Links, Seen } from "./observe.js";
import type { Options } from "./options.js";

const refuse = (message: string, hint: string): never => {
  throw new BackoutError("REFUSED", message, { effect: "none", hint });
};

export function plan({
  captured,
  restoreMs,
  observed,
  options,
  intent,
}: PlanInput<Options, Data, Seen>): StepSpec[] {
  if (!intent.restore || captured === undefined || observed.identity === captured.identity) return [];
  const { data } = captured;
  const seen = observed.data;
  refuseUnlessIntact(captured, seen, options);
  for (const path of intent.keep) refuseUnlessShared(path, data, seen);
  return [
    {
      operation: "switch",
      title: `switch ${options.current} to ${data.release}`,
      phase: "restore",
      input: { from: seen.target, to: data.target, release: data.release, digest: data.digest },
      impact: {
        changes: [{ what: options.current, before: seen.target ?? "no link", after: data.target }],
      },
      expectedMs: Math.max(restoreMs ?? 0, 1000),
    },
  ];
}

/** The captured release is the only way back: gone or altered, there is none. */
function refuseUnlessIntact({ data }: CapturedPart<Data>, seen: Seen, options: Options): void {
  if (seen.capturedDigest === data.digest) return;
  const present = seen.releases.length === 0 ? "none" : seen.releases.join(", ");
  if (seen.capturedDigest === null) {
    refuse(
      `${options.releases}: release "${data.release}" is no longer on disk; present are: ${present}`,
      `deploy "${data.release}" into that folder again, without switching to it, then plan once more`,
    );
  }
  refuse(
    `${options.releases}: release "${data.release}" was altered since the checkpoint: digest "${seen.capturedDigest}" instead of "${data.digest}"`,
    'put its files back; if what differs is logs or caches, name them under "except" before the next checkpoint',
  );
}

/** A switch leaves behind what lies inside the failed release, so only what both releases share by a link is kept. */
function refuseUnlessShared(path: string, data: Data, seen: Seen): void {
  const clean = path.replace(/^\.\//, "").replace(/\/+$/, "");
  const now = sharedAt(clean, seen.links.current);
  const then = sharedAt(clean, seen.links.captured);
  if (now !== undefined && now === then) return;
  if (now === undefined) {
    refuse(
      `keep "${path}": lies inside release "${seen.release ?? "none"}" and not in shared storage, so that switching leaves it behind`,
      `move it out of the release and link it from both, or drop "${path}" from keep: the failed release's folder is not deleted`,
    );
  }
  refuse(
    `keep "${path}": release "${data.release}" does not lead to "${now}", where it is kept now`,
    "link it from both releases",
  );
}

/** Where the path leads by a link at itself or above it. */
function sharedAt(path: string, links: Links): string | undefined {
  const parts = path.split("/");
  for (let length = parts.length; length > 0; length--) {
    const target = links[parts.slice(0, length).join("/")];
    if (target !== undefined) return [target, ...parts.slice(length)].join("/");
  }
  return undefined;
}
