import { describe, expect, test } from "vitest";
import * as z from "zod";
import { type DriverModule, defineTarget } from "../driver.js";
import type { JsonObject } from "../json.js";
import { playbookJsonSchema } from "./json-schema.js";
import { testDrivers } from "./test-drivers.js";
import { valueAt } from "./tree.js";

const schema = playbookJsonSchema(testDrivers);
const entry = (section: string) =>
  valueAt(schema, ["properties", section, "additionalProperties"]) as JsonObject;
const at = (...path: PropertyKey[]) => valueAt(schema, path);

describe("the playbook's JSON Schema", () => {
  test("is draft 7, strict, and describes its keys", () => {
    expect(schema).toMatchObject({
      $schema: "http://json-schema.org/draft-07/schema#",
      required: ["backout", "system", "targets"],
      additionalProperties: false,
    });
    expect(at("properties", "system", "description")).toBe(
      "Name of the system that this playbook brings back",
    );
    expect(entry("targets")["required"]).toEqual(["driver"]);
  });

  test.each([
    ["targets", ["sqlite"]],
    ["signals", ["http"]],
    ["checks", ["http"]],
  ])("%s offers only drivers that can be one", (section, drivers) => {
    expect(valueAt(entry(section), ["properties", "driver", "enum"])).toEqual(drivers);
  });

  test("options depend on the driver, and a variable may stand for a number", () => {
    expect(entry("targets")["allOf"]).toMatchObject([
      {
        if: { properties: { driver: { const: "sqlite" } } },
        then: {
          properties: {
            with: {
              description: "A database in a file",
              required: ["file"],
              additionalProperties: false,
              properties: {
                file: { type: "string", description: "The database file" },
                port: { anyOf: [{ type: "integer", maximum: 65_535 }, { type: "string" }] },
              },
            },
          },
        },
      },
    ]);
    expect(valueAt(entry("signals"), ["allOf", 0, "then", "properties", "with", "required"])).toEqual([
      "url",
    ]);
  });

  test("a variable may stand wherever variables are put in, and nowhere else", () => {
    const recipient = at("properties", "encryption", "properties", "recipients", "items");
    expect(recipient).toMatchObject({ anyOf: [{ pattern: "^age1.*" }, { pattern: "\\$\\{[^}]+\\}" }] });
    expect(at("properties", "system")).not.toHaveProperty("anyOf");
  });

  test("durations are text", () => {
    expect(at("properties", "objectives", "properties", "rto", "type")).toBe("string");
  });

  test("every reference leads somewhere, also out of a driver with definitions of its own", () => {
    const never = () => Promise.reject(new Error("not called"));
    const tree = z.strictObject({ data: z.json() });
    const target = defineTarget({
      id: "tree",
      title: "A tree",
      options: tree,
      observe: never,
      plan: () => [],
      apply: never,
      settle: never,
    });
    const drivers = new Map<string, DriverModule>([...testDrivers, ["tree", { target }]]);
    const text = JSON.stringify(playbookJsonSchema(drivers));
    const names = [...text.matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name);
    expect(names).toContain("target_tree___schema0");
    const { definitions } = JSON.parse(text);
    expect(names.filter((name) => !Object.hasOwn(definitions, name ?? ""))).toEqual([]);
  });
});
