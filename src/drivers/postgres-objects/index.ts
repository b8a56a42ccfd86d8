import { databaseClaim } from "../../clients/postgres/connection-options.js";
import { defineTarget } from "../../core/driver.js";
import { capture } from "./capture.js";
import { check } from "./check.js";
import { observe, verify } from "./observe.js";
import { options, wantedOf } from "./options.js";
import { plan } from "./plan.js";
import { apply, settle } from "./steps.js";

export const target = defineTarget({
  id: "postgres-objects",
  title: "Indexes, views, functions and scheduled jobs of a PostgreSQL database",
  options,
  claims: (given) => wantedOf(given).map(({ object }) => `${databaseClaim(given)} ${object.shown}`),
  check,
  capture,
  observe,
  plan,
  apply,
  settle,
  verify,
});
