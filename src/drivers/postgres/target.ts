import { databaseClaim } from "../../clients/postgres/connection-options.js";
import { defineTarget } from "../../core/driver.js";
import { adopt } from "./adopt.js";
import { capture } from "./capture.js";
import { check } from "./check.js";
import { discover } from "./discover.js";
import { observe } from "./observe.js";
import { options } from "./options.js";
import { plan } from "./plan.js";
import { prove } from "./prove.js";
import { letGo } from "./proven-copy.js";
import { apply, settle } from "./steps.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";
import { versions } from "./versions.js";

export const target = defineTarget({
  id: "postgres",
  title: "PostgreSQL database",
  options,
  claims: (given) => [databaseClaim(given)],
  check,
  capture,
  adopt,
  prove,
  observe,
  plan,
  apply,
  settle,
  verify,
  undo,
  letGo,
  versions,
  discover,
});
