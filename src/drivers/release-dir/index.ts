import { defineTarget } from "../../core/driver.js";
import { capture } from "./capture.js";
import { check } from "./check.js";
import { discover } from "./discover.js";
import { observe } from "./observe.js";
import { options } from "./options.js";
import { plan } from "./plan.js";
import { prove } from "./prove.js";
import { applySwitch, settleSwitch } from "./switch.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";
import { versions } from "./versions.js";

export const target = defineTarget({
  id: "release-dir",
  title: "Release folders behind one link",
  options,
  claims: ({ current }, resolve) => [`file:${resolve(current)}`],
  check,
  capture,
  prove,
  observe,
  plan,
  apply: applySwitch,
  settle: settleSwitch,
  verify,
  undo,
  versions,
  discover,
});
