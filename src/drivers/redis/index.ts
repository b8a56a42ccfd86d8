import { defineTarget } from "../../core/driver.js";
import { adopt } from "./adopt.js";
import { capture } from "./capture.js";
import { check as checkTarget } from "./check.js";
import { observe } from "./observe.js";
import { options } from "./options.js";
import { shownUrl } from "./place.js";
import { plan } from "./plan.js";
import { prove } from "./prove.js";
import { namespacesOf } from "./scope.js";
import { apply, settle } from "./steps.js";
import { undo } from "./undo.js";
import { verify } from "./verify.js";

export { check } from "./server-check.js";
export { signal } from "./signal.js";

export const target = defineTarget({
  id: "redis",
  title: "keys of a Redis server",
  options,
  claims: (given) => [
    ...[...namespacesOf(given), ...given.flush].map((pattern) => `redis:${shownUrl(given.url)} ${pattern}`),
    ...given.queues.map(({ prefix, name }) => `redis:${shownUrl(given.url)} queue ${prefix}:${name}`),
  ],
  check: checkTarget,
  capture,
  adopt,
  prove,
  observe,
  plan,
  apply,
  settle,
  verify,
  verifies: (given) => namespacesOf(given).length + given.flush.length > 0,
  undo,
});
