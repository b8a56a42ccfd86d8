import { defineTarget, type StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { capture, type GitData } from "./capture.js";
import { check, discover } from "./check.js";
import { type GitSeen, observe } from "./observe.js";
import { type GitOptions, gitOptions } from "./options.js";
import { plan } from "./plan.js";
import { type GitJob, preserve, settlePreserve } from "./preserve.js";
import { prove } from "./prove.js";
import { restore, settleRestore } from "./restore.js";
import { verify } from "./verify.js";
import { versions } from "./versions.js";

const operations = {
  preserve: { apply: preserve, settle: settlePreserve },
  restore: { apply: restore, settle: settleRestore },
} as const;

function operationOf({ operation }: GitJob) {
  if (Object.hasOwn(operations, operation)) return operations[operation as keyof typeof operations];
  throw new BackoutError("INTERNAL", `git: has no operation "${operation}"`, { effect: "none" });
}

export const target = defineTarget<GitOptions, GitData, GitSeen>({
  id: "git",
  title: "A git work tree, uncommitted work included",
  options: gitOptions,
  claims: ({ path }, resolve) => [`git:${resolve(path)}`],
  check,
  capture,
  prove,
  observe,
  plan,
  apply: (job: GitJob, context: StepContext) => operationOf(job).apply(job, context),
  settle: (job: GitJob, context: StepContext) => operationOf(job).settle(job, context),
  verify,
  versions,
  discover,
});
