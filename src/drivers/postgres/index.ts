export { check } from "./check-query.js";
export { signal } from "./signal.js";
