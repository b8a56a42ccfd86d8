export { signal } from "./signal.js";
