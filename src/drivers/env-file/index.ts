import { defineTarget, type StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { capture, prove } from "./capture.js";
import { check, discover } from "./check.js";
import type { EnvFileData } from "./file-state.js";
import { type EnvFileSeen, observe } from "./observe.js";
import { type EnvFileOptions, envFileOptions } from "./options.js";
import { plan } from "./plan.js";
import { putBack, settlePutBack } from "./put-back.js";
import { restart, settleRestart } from "./restart.js";
import { type EnvFileJob, preserve, restore, settlePreserve, settleRestore } from "./restore.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";

const operations = {
  preserve: { apply: preserve, settle: settlePreserve },
  restore: { apply: restore, settle: settleRestore },
  "put-back": { apply: putBack, settle: settlePutBack },
  restart: { apply: restart, settle: settleRestart },
} as const;

function operationOf({ operation }: EnvFileJob) {
  if (Object.hasOwn(operations, operation)) return operations[operation as keyof typeof operations];
  throw new BackoutError("INTERNAL", `env-file: has no operation "${operation}"`, { effect: "none" });
}

export const target = defineTarget<EnvFileOptions, EnvFileData, EnvFileSeen>({
  id: "env-file",
  title: "An environment file, and the process that must have its values",
  options: envFileOptions,
  claims: ({ file }, resolve) => [`file:${resolve(file)}`],
  check,
  capture,
  prove,
  observe,
  plan,
  apply: (job: EnvFileJob, context: StepContext) => operationOf(job).apply(job, context),
  settle: (job: EnvFileJob, context: StepContext) => operationOf(job).settle(job, context),
  verify,
  undo,
  discover,
});
