export { checkDriver as check } from "./check.js";
export { signal } from "./signal.js";
export { target } from "./target.js";
