export { check } from "./check-query.js";
export { signal } from "./signal.js";
export { target } from "./target.js";
