import { expect, test } from "vitest";
import * as z from "zod";

interface Schema {
  readonly [key: string]: unknown;
}

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null;

/** Every object is strict and every key says what it is: the docs page and the messages are made from it. */
export function testOptions(options: z.ZodType, good: () => object): void {
  test("options are strict, described, and yield JSON Schema", () => {
    const schema = z.toJSONSchema(options, { io: "input" });
    expect(undescribed(schema, "options")).toEqual([]);
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(options.safeParse(good()).error).toBeUndefined();
    expect(options.safeParse({ ...good(), "no-such-option": 1 }).success).toBe(false);
  });
}

function undescribed(schema: unknown, path: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((one, index) => undescribed(one, `${path}[${index}]`));
  if (!isSchema(schema)) return [];
  const wrong: string[] = [];
  const { properties, ...rest } = schema;
  if (isSchema(properties)) {
    if (schema["additionalProperties"] !== false) wrong.push(`${path}: takes unknown keys`);
    for (const [key, member] of Object.entries(properties)) {
      if (!isSchema(member) || typeof member["description"] !== "string")
        wrong.push(`${path}.${key}: no description`);
      wrong.push(...undescribed(member, `${path}.${key}`));
    }
  }
  return [
    ...wrong,
    ...Object.entries(rest).flatMap(([key, member]) => undescribed(member, `${path}.${key}`)),
  ];
}
