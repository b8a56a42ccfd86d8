import { dirname, relative, resolve } from "node:path/posix";
import type { DoneStep, DoneWork, ObserveContext, UndoDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { sameIdentity } from "../../core/same-identity.js";
import type { Data } from "./capture.js";
import { observe as observeNow } from "./observe.js";
import type { Options } from "./options.js";
import { digestRelease, shortDigest } from "./release-link.js";

type UndoSeen = {
  readonly target: string | null;
  /** What the link had pointed to before the run. */
  readonly left: { readonly target: string; readonly release: string; readonly digest: string } | null;
};

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const switched = (done: DoneWork<Data>): DoneStep | undefined =>
  done.steps.findLast(({ operation }) => operation === "switch");

/** The release that was left is still on disk, or there is no way to it. */
async function leftRelease(
  done: DoneWork<Data>,
  options: Options,
  { host: { files } }: ObserveContext,
): Promise<UndoSeen["left"]> {
  const target = switched(done)?.input["from"];
  if (target === undefined) return null;
  if (typeof target !== "string") {
    throw refused(`${options.current}: there was no link before the run`, `rm ${options.current} by hand`);
  }
  const path = resolve(dirname(files.resolve(options.current)), target);
  const release = relative(files.resolve(options.releases), path).split("/")[0] ?? "";
  const digest = await digestRelease(files, options, release);
  const { identity } = done.left;
  if (digest === identity) return { target, release, digest };
  const fact = digest === undefined ? "is no longer on disk" : "was altered since the run left it";
  throw refused(
    `${options.releases}: release "${release}" ${fact}`,
    `deploy "${release}" into that folder again, without switching to it`,
  );
}

/** Back to the release that was left, by the same switch. */
export const undo: UndoDriver<Options, Data, UndoSeen> = {
  async observe(done, options, context) {
    const left = await leftRelease(done, options, context);
    const { identity, summary, data } = await observeNow(options, context);
    return { identity, summary, to: done.left, data: { target: data.target, left } };
  },
  plan({ done, observed, options }) {
    const { left, target } = observed.data;
    const step = switched(done);
    if (left === null || step === undefined || target === left.target) return [];
    if (target === null || target !== step.input["to"]) {
      throw refused(
        `${options.current}: points to "${target ?? "nothing"}", but the run had switched it to "${String(step.input["to"])}"`,
        "somebody has switched it since: nothing is to be taken back",
      );
    }
    return [
      {
        operation: "switch",
        title: `switch ${options.current} to ${left.release} again`,
        phase: "restore",
        input: { from: target, to: left.target, release: left.release, digest: left.digest },
        impact: {
          changes: [
            { what: options.current, before: target, after: `${left.target} (${shortDigest(left.digest)})` },
          ],
        },
        expectedMs: 1000,
      },
    ];
  },
  async verify(to, options, context) {
    const now = await observeNow(options, context);
    return [sameIdentity(`${options.current} points to what was left`, to, now)];
  },
};
