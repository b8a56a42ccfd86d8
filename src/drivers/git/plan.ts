import type { Difference, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { bundleName, type GitData, isDirty } from "./capture.js";
import { uncommitted } from "./look.js";
import { type GitSeen, placeOfSeen, sinceText } from "./observe.js";
import type { GitOptions } from "./options.js";
import { short } from "./repository.js";

type Input = PlanInput<GitOptions, GitData, GitSeen>;

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const needsPerson: Readonly<Record<string, string>> = {
  rebase: "git rebase --abort",
  bisect: "git bisect reset",
};

export const keeps = (keep: readonly string[], path: string): boolean =>
  keep.some((kept) => path === kept || path.startsWith(`${kept.replace(/\/$/, "")}/`));

function refuseWhatCannotWork({ captured, observed, options, intent }: Input): void {
  const { path, remote } = options;
  if (captured === undefined)
    throw refused(`${path}: nothing was captured of it`, "make a checkpoint first: backout checkpoint");
  const { operation, since } = observed.data;
  const abort = operation === null ? undefined : needsPerson[operation];
  if (abort !== undefined)
    throw refused(`${path}: is in the middle of a ${operation}`, `in ${path}: ${abort}`);
  const { commit, tag } = captured.data;
  if (since === null && remote === undefined)
    throw refused(`${path}: commit "${commit}" is not in the repository`, `git fetch <remote> tag ${tag}`);
  if (isDirty(captured.data) && !captured.artifacts.some(({ name }) => name === bundleName))
    throw refused(`${path}: the uncommitted work of the checkpoint is missing`, "use another checkpoint");
  const folder = since?.inTheWay?.folders[0];
  if (folder !== undefined)
    throw refused(
      `${path}: the folder "${folder}" with ignored files is where the commit has a file`,
      `move ${folder} away, then plan again`,
    );
  const odd = intent.keep.find((one) => one.startsWith("/") || one.split("/").includes("..") || one === "");
  if (odd !== undefined)
    throw refused(`keep: "${odd}" is no path inside ${path}`, "name it from the work tree's top");
}

function differences({ captured, observed }: Input): Difference[] {
  const { data } = observed;
  const subjects = (data.since?.subjects ?? []).map((line) => ({
    what: "commit",
    before: line,
    after: "left out",
  }));
  const work =
    data.modified + data.untracked === 0
      ? []
      : [{ what: "work not committed", before: uncommitted(data), after: "set aside under refs/backout/" }];
  return [
    { what: "HEAD", before: placeOfSeen(data) + sinceText(data.since), after: captured?.summary ?? "" },
    ...work,
    ...subjects,
  ];
}

/**
 * Committed: the files go to the captured commit, whatever was merged since; branches stay where they are, and nothing is
 * pushed. Not committed: set aside first. Both: both.
 */
export function plan(input: Input): StepSpec[] {
  const { captured, observed, intent, restoreMs, options } = input;
  if (!intent.restore || observed.identity === captured?.identity) return [];
  refuseWhatCannotWork(input);
  const { commit, tree, modified, untracked, operation, onRef, since } = observed.data;
  const onlyKept =
    commit === captured?.data.commit &&
    since?.paths?.length === since?.files &&
    since?.paths?.every((path) => keeps(intent.keep, path));
  if (onlyKept === true && intent.keep.length > 0) return [];
  const inTheWay = since?.inTheWay?.files ?? [];
  const preserved = modified + untracked + inTheWay.length > 0 || !onRef || operation !== null;
  const to = captured === undefined ? "" : short(captured.data.commit);
  const preserve: StepSpec = {
    operation: "preserve",
    title: `set aside what is in no branch of ${options.path}: ${uncommitted(observed.data)}`,
    phase: "preserve",
    input: { commit, tree, force: [...inTheWay] },
    expectedMs: 1_000,
    timeoutMs: 60_000,
  };
  const restore: StepSpec = {
    operation: "restore",
    title: `check out ${to} in ${options.path}, no branch is moved`,
    phase: "restore",
    ...(preserved ? { needs: ["preserve"] } : {}),
    input: { commit, tree, preserved, keep: [...intent.keep] },
    impact: { changes: differences(input) },
    expectedMs: restoreMs ?? 2_000,
    timeoutMs: Math.max(10 * (restoreMs ?? 0), 120_000),
  };
  return preserved ? [preserve, restore] : [restore];
}
