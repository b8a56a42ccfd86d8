import * as z from "zod";

/** The schemas that hold at a path: several below a union. */
function schemasAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return path.length === 0 ? [schema, ...schemasAt(def.innerType, path)] : schemasAt(def.innerType, path);
    case "pipe":
      return schemasAt(def.in, path);
    case "union":
      return def.options.flatMap((option) => schemasAt(option, path));
    case "lazy":
      return path.length === 0 ? [schema] : schemasAt(def.getter(), path);
  }
  const [segment, ...rest] = path;
  if (segment === undefined) return [schema];
  if (def.type === "object") {
    const member = Object.hasOwn(def.shape, segment) ? def.shape[String(segment)] : undefined;
    return member === undefined ? [] : schemasAt(member, rest);
  }
  if (def.type === "record") return schemasAt(def.valueType, rest);
  if (def.type === "array") return schemasAt(def.element, rest);
  return [];
}

/** Keys that may stand at a path: for suggestions. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  return schemasAt(schema, path).flatMap((found) => {
    const { def } = (found as z.core.$ZodTypes)._zod;
    return def.type === "object" ? Object.keys(def.shape) : [];
  });
}

export const descriptionAt = (schema: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined =>
  schemasAt(schema, path)
    .map((found) => z.globalRegistry.get(found)?.description)
    .find((text) => text !== undefined);
