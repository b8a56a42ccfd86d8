import { contentDigest } from "../../core/content-digest.js";
import type { Content } from "./captured-database.js";
import { contentOf, type Indexes } from "./chosen-tables.js";

/** Table → digest of its definition with all that belongs to it; of one that is not there: empty. */
export const definitionsOf = (
  schema: Omit<Content, "tables">,
  indexes: Indexes,
  tables: readonly { readonly name: string }[],
): Record<string, string> =>
  Object.fromEntries(
    tables.map(({ name }) => {
      const { objects } = contentOf({ ...schema, tables: {} }, indexes, [name]);
      return [name, Object.hasOwn(objects, `table ${name}`) ? contentDigest(objects) : ""];
    }),
  );
