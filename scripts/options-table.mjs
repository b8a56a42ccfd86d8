// What a driver's options schema says, as Markdown: a row for each key, keys of nested objects below their own.
import * as z from "zod";

const none = "–";

/** The schema behind optional and default, and the default where there is one. */
function unwrapped(schema) {
  let inner = schema;
  let fallback;
  let required = true;
  for (;;) {
    const { def } = inner._zod;
    if (def.type === "default" || def.type === "prefault") fallback ??= def.defaultValue;
    else if (def.type !== "optional") return { inner, fallback, required };
    required = false;
    inner = def.innerType;
  }
}

const jsonSchema = (schema) =>
  z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" });

const plural = (text) => (/^(integer|number)$/.test(text) ? `${text}s` : text);

/** Keys are named where they are few; longer ones are the README's to explain. */
function objectText({ properties, additionalProperties }) {
  if (properties === undefined) return `map of ${plural(typeText(additionalProperties ?? {}))}`;
  const keys = Object.keys(properties);
  return keys.length > 3 ? "map" : `map with ${keys.map((key) => `\`${key}\``).join(", ")}`;
}

function typeText(schema) {
  if (schema.not !== undefined) return undefined;
  if (schema.$ref !== undefined) return "any value";
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(", ");
  if (schema.anyOf !== undefined) {
    const kinds = schema.anyOf.map(typeText).filter((text) => text !== undefined);
    return kinds.includes("any value") || schema.anyOf.length > 5
      ? "any value"
      : [...new Set(kinds)].join(" or ");
  }
  if (Array.isArray(schema.type))
    return schema.type.map((type) => typeText({ ...schema, type })).join(" or ");
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
      return "integer";
    case "boolean":
      return "`true`, `false`";
    case "array":
      return `list of ${plural(typeText(schema.items ?? {}))}`;
    case "object":
      return objectText(schema);
    default:
      return schema.type ?? "any value";
  }
}

function rowsOf(object, prefix, isDuration, durationText) {
  return Object.entries(object._zod.def.shape).flatMap(([key, schema]) => {
    const { inner, fallback, required } = unwrapped(schema);
    const duration = isDuration(inner);
    const nested = inner._zod.def.type === "object";
    const shown = duration && fallback !== undefined ? durationText(fallback) : JSON.stringify(fallback);
    const row = [
      `\`${prefix}${key}\``,
      duration ? "duration" : nested ? "map" : typeText(jsonSchema(inner)),
      required ? "required" : shown === undefined ? none : `\`${shown.replace(/^"(.*)"$/, "$1")}\``,
      (schema.description ?? inner.description ?? none).replace(/\.$/, ""),
    ];
    return [row, ...(nested ? rowsOf(inner, `${prefix}${key}.`, isDuration, durationText) : [])];
  });
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export function optionsTable(options, { isDuration, durationText }) {
  const rows = rowsOf(unwrapped(options).inner, "", isDuration, durationText);
  const lines = [["key", "type", "default", "description"], ["---", "---", "---", "---"], ...rows];
  return lines.map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}
