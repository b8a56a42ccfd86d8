import { defineTarget } from "../../core/driver.js";
import { canonicalJson } from "../../core/json.js";
import { capture } from "./capture.js";
import { checkTarget } from "./check-target.js";
import { isChosen } from "./choice-options.js";
import { followTarget } from "./follow-target.js";
import { observe } from "./observe.js";
import { keyOf } from "./piece.js";
import { unpinImages } from "./pin-images.js";
import { plan } from "./plan.js";
import { prove } from "./prove.js";
import { apply, settle } from "./steps.js";
import { namedObjects, targetOptions } from "./target-options.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";
import { versions } from "./versions.js";
import { namedWorkloads } from "./workload-options.js";

export const target = defineTarget({
  id: "kubernetes",
  title:
    "Kubernetes workloads with their ConfigMaps, autoscalers, disruption budgets and Services; Ingresses",
  options: targetOptions,
  claims: (options) => {
    const place = `kubernetes:${options.context ?? ""}/${options.namespace ?? ""}`;
    const named = [...namedWorkloads(options), ...namedObjects(options)].map(keyOf);
    // Other ways back to the same are no other owner: scenarios take one or the other.
    const chosen = options.to === undefined ? "" : `, to ${canonicalJson(options.to)}`;
    const way = options.way === "patch" ? chosen : `, ${options.way}${chosen}`;
    const flag = options.switch;
    if (flag !== undefined)
      return [`${place}/ConfigMap/${flag.configMap}/${flag.key}, ${flag.value ?? "as it was"}`];
    const all = named.length > 0 ? named : [options.selector ?? "everything"];
    return all.map((one) => `${place}/${one}${way}`);
  },
  check: checkTarget,
  capture,
  prove,
  observe,
  plan,
  apply,
  settle,
  verifies: (options) => !isChosen(options),
  verify,
  letGo: ({ data }, options, context) => unpinImages(data.pins ?? [], options.pin, context),
  follow: followTarget,
  undo,
  versions,
});
