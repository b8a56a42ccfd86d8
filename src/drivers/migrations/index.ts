import { databaseClaim } from "../../clients/postgres/connection-options.js";
import { defineTarget } from "../../core/driver.js";
import { capture } from "./capture.js";
import { check } from "./check.js";
import { observe, verify } from "./observe.js";
import { options } from "./options.js";
import { plan } from "./plan.js";
import { apply, settle } from "./steps.js";

export const target = defineTarget({
  id: "migrations",
  title: "Database migrations, taken back by their own tool or by the team's SQL",
  options,
  claims: (given) => [`${databaseClaim(given)} migrations`],
  check,
  capture,
  observe,
  plan,
  apply,
  settle,
  verify,
});
