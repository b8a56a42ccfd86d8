import type { Options } from "./options.js";
import { namespacesOf, protectedBy, type Scope } from "./scope.js";

/** All that a run may have touched: what it brought back and what it removed. */
export const undoScope = (options: Options): Scope => ({
  namespaces: [...namespacesOf(options), ...options.flush],
  protect: protectedBy(options),
});
