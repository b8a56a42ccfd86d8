import * as z from "zod";
import type { DriverModule } from "../driver.js";
import type { Json, JsonObject } from "../json.js";
import { playbookSchema } from "./schema.js";
import { entriesAt, mapAt } from "./tree.js";
import { fixed } from "./variables.js";

const sections = { targets: "target", signals: "signal", checks: "check" } as const;

/** Draft 7 is what editors know best. */
const jsonSchemaOf = (schema: z.core.$ZodType): JsonObject =>
  JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" })),
  );

/** `${…}` may stand where a number, a flag or a word of a list will be. */
function orReference(schema: JsonObject): JsonObject {
  const { type, description } = schema;
  const free = type === "string" && !["enum", "const", "pattern", "format"].some((key) => key in schema);
  if (free || type === "object" || type === "array" || "$ref" in schema || type === undefined) return schema;
  const described = description === undefined ? {} : { description };
  return { ...described, anyOf: [schema, { type: "string", pattern: "\\$\\{[^}]+\\}" }] };
}

function withReferences(schema: JsonObject): JsonObject {
  const inside = (value: Json) => orReference(withReferences(mapAt(value)));
  const changed: Record<string, Json> = { ...schema };
  const properties = Object.entries(mapAt(schema["properties"])).map(([name, one]) => [name, inside(one)]);
  if (properties.length > 0) changed["properties"] = Object.fromEntries(properties);
  for (const key of ["items", "additionalProperties"]) {
    const value = schema[key];
    if (value !== undefined && mapAt(value) === value) changed[key] = inside(value);
  }
  return changed;
}

/** JSON Schema of a playbook, for editors: what may stand below `with:` depends on the driver named beside it. */
export function playbookJsonSchema(drivers: ReadonlyMap<string, DriverModule>): JsonObject {
  const schema = jsonSchemaOf(playbookSchema);
  const definitions: Record<string, Json> = { ...mapAt(schema["definitions"]) };

  function optionsOf(id: string, role: "target" | "signal" | "check", options: z.core.$ZodType): JsonObject {
    // References are taken from the root: a driver's own definitions move there under names of their own.
    const prefix = `"#/definitions/${role}_${id}_`;
    const own = JSON.parse(JSON.stringify(jsonSchemaOf(options)).replaceAll('"#/definitions/', prefix));
    const { $schema: _, definitions: moved, ...rest } = own;
    for (const [name, definition] of entriesAt(moved)) definitions[`${role}_${id}_${name}`] = definition;
    return withReferences(rest);
  }

  const properties: Record<string, Json> = Object.fromEntries(
    Object.entries(mapAt(schema["properties"])).map(([key, value]) => [
      key,
      fixed.has(key) ? value : orReference(withReferences(mapAt(value))),
    ]),
  );
  for (const [section, role] of Object.entries(sections)) {
    const conditions: JsonObject[] = [];
    const usable: string[] = [];
    for (const [id, { [role]: driver }] of drivers) {
      if (driver === undefined) continue;
      usable.push(id);
      const options = { ...optionsOf(id, role, driver.options), description: driver.title };
      conditions.push({
        if: { properties: { driver: { const: id } }, required: ["driver"] },
        then: { properties: { with: options } },
      });
    }
    const record = mapAt(properties[section]);
    const entry = mapAt(record["additionalProperties"]);
    const members = mapAt(entry["properties"]);
    properties[section] = {
      ...record,
      additionalProperties: {
        ...entry,
        properties: { ...members, driver: { ...mapAt(members["driver"]), enum: usable } },
        ...(conditions.length === 0 ? {} : { allOf: conditions }),
      },
    };
  }
  return { ...schema, title: "backout playbook", properties, definitions };
}
