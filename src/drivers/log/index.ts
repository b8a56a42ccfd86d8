export { check } from "./check.js";
export { signal } from "./signal.js";
