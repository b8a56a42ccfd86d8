export { check } from "./check.js";
export { target } from "./lockdown.js";
export { signal } from "./signal.js";
