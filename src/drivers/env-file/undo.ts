import type { DoneStep, DoneWork, DriverContext, UndoDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { sameIdentity } from "../../core/same-identity.js";
import { decodeText, type KeyChange, keyChanges, parseVariables } from "./env-text.js";
import { absent, digestOf, type EnvFileData, readState } from "./file-state.js";
import { observe as observeNow } from "./observe.js";
import type { EnvFileOptions } from "./options.js";
import { preserveStep, restartStep, turns } from "./plan.js";
import { accessIn } from "./put-back.js";
import { copyName } from "./restore.js";

type UndoSeen = {
  /** Of the file as it was before the run; null where the run did not change it. */
  readonly copy: string | null;
  /** From the kept copy to the present file. */
  readonly changes: readonly (KeyChange & { readonly [key: string]: string })[];
  readonly instance: string | null;
};

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** The step that changed the file: of a rollback, or of an undo. */
const writing = (done: DoneWork<EnvFileData>): DoneStep | undefined =>
  done.steps.findLast(({ operation }) => operation === "restore" || operation === "put-back");

const before = ({ input }: DoneStep): string => String(input["before"]);

async function keptCopy(
  write: DoneStep,
  options: EnvFileOptions,
  context: DriverContext,
): Promise<{ copy: string; text: string }> {
  const copy = copyName({ options }, { host: context.host, key: write.key });
  const access = accessIn(before(write));
  if (before(write) === absent || access === undefined) {
    throw refused(`${options.file}: did not exist before the run`, `remove ${options.file} by hand`);
  }
  const state = await readState(copy, context);
  if (state === undefined) throw refused(`${copy}: is gone, so nothing can be put back`, "write it by hand");
  if (digestOf(state.bytes) !== access.digest) {
    throw refused(`${copy}: was altered since the run had kept it`, "look who changed it");
  }
  return { copy, text: decodeText(state.bytes) ?? "" };
}

/** The kept copy in the file's place, which is itself kept first; then a restart, so that the process has the values. */
export const undo: UndoDriver<EnvFileOptions, EnvFileData, UndoSeen> = {
  async observe(done, options, context) {
    const write = writing(done);
    const kept = write && (await keptCopy(write, options, context));
    const now = await observeNow(options, context);
    const present = await readState(options.file, context);
    const variables = parseVariables(decodeText(present?.bytes ?? new Uint8Array()) ?? "");
    return {
      identity: now.identity,
      summary: now.summary,
      to: { identity: write === undefined ? done.left.identity : before(write), summary: done.left.summary },
      data: {
        copy: kept?.copy ?? null,
        changes: keyChanges(parseVariables(kept?.text ?? ""), variables).map((one) => ({ ...one })),
        instance: now.data.process?.instance ?? null,
      },
    };
  },
  plan({ done, observed, options, intent }) {
    const { copy, changes, instance } = observed.data;
    const again = { before: instance, absent: [], always: true };
    const write = writing(done);
    if (copy === null || write === undefined || observed.identity === observed.to.identity) {
      return intent.restart ? restartStep(options, [], again) : [];
    }
    if (observed.identity === absent)
      throw refused(`${options.file}: is gone since the run`, "look who removed it");
    const gone = changes.filter(({ how }) => how === "added").map(({ key }) => key);
    const keys = changes.map(({ key, how }) => ({ what: key, ...turns[how] }));
    return [
      preserveStep(options),
      {
        operation: "put-back",
        title: `put the ${options.file} that was replaced back`,
        phase: "restore",
        input: { before: observed.identity, after: observed.to.identity, copy },
        impact: {
          changes:
            keys.length > 0
              ? keys
              : [{ what: options.file, before: observed.identity, after: observed.to.identity }],
        },
        expectedMs: 100,
      },
      ...restartStep(options, ["put-back"], { ...again, absent: gone }),
    ];
  },
  async verify(to, options, context) {
    return [sameIdentity(`${options.file} is as it was left`, to, await observeNow(options, context))];
  },
};
