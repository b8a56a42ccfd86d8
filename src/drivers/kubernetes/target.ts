import { defineTarget } from "../../core/driver.js";
import { capture } from "./capture.js";
import { checkTarget } from "./check-target.js";
import { observe } from "./observe.js";
import { plan } from "./plan.js";
import { apply, settle } from "./steps.js";
import { targetOptions } from "./target-options.js";
import { verify } from "./verify.js";
import { versions } from "./versions.js";

export const target = defineTarget({
  id: "kubernetes",
  title: "Kubernetes Deployment with its ConfigMaps, autoscaler, disruption budget and Services",
  options: targetOptions,
  claims: ({ context, namespace, deployment }) => [
    `kubernetes:${context ?? ""}/${namespace ?? ""}/Deployment/${deployment}`,
  ],
  check: checkTarget,
  capture,
  observe,
  plan,
  apply,
  settle,
  verify,
  versions,
});
