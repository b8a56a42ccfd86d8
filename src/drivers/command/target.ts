import { defineTarget } from "../../core/driver.js";
import { apply, settle } from "./apply.js";
import { capture, prove } from "./capture.js";
import { findPrograms } from "./find-programs.js";
import { observe, type TargetData } from "./identity.js";
import { plan } from "./plan.js";
import { programNames, type TargetOptions, targetOptions } from "./target-options.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";

export const target = defineTarget<TargetOptions, TargetData, null>({
  id: "command",
  title: "Anything that programs of yours can capture and bring back",
  options: targetOptions,
  claims: ({ claims }, resolve) =>
    claims.map((claim) => (claim.startsWith("file:") ? `file:${resolve(claim.slice(5))}` : claim)),
  check: (options, context) =>
    findPrograms(
      programNames.map((name) => [name, options[name]] as const),
      context,
    ),
  capture,
  prove,
  observe,
  plan,
  apply,
  settle,
  verifies: ({ verify: program, capture: kept, observe: seen }) =>
    program !== undefined || kept !== undefined || seen !== undefined,
  verify,
  undo,
});
