import { appendFileSync, readFileSync } from "node:fs";
import { DatabaseSync, type DatabaseSyncInstance } from "@photostructure/sqlite";
import * as z from "zod";
import { defineTarget, type StepContext } from "../../../src/core/driver.js";

/**
 * Effects that must not happen twice, and that anybody can count: a line in a file, a number in a file that is
 * replaced whole, a row in a database, a request that a server counts.
 */
const ways = {
  line: {
    async count(place, step) {
      return textOf(place)
        .split("\n")
        .filter((line) => line === step).length;
    },
    async happen(place, step) {
      appendFileSync(place, `${step}\n`);
    },
  },
  number: {
    async count(place, step) {
      return Number(textOf(`${place}.${step}`));
    },
    async happen(place, step, { host }) {
      const count = Number(textOf(`${place}.${step}`));
      await host.files.write(`${place}.${step}`, String(count + 1));
    },
  },
  row: {
    async count(place, step) {
      return withDatabase(place, (database) =>
        Number(database.prepare("select count(*) as n from effects where step = ?").get(step)?.["n"]),
      );
    },
    async happen(place, step) {
      withDatabase(place, (database) => database.prepare("insert into effects (step) values (?)").run(step));
    },
  },
  request: {
    async count(place, step, { http, signal }) {
      const { body } = await http.request({ url: `${place}/${step}`, timeoutMs: 5_000, signal });
      return Number(body);
    },
    async happen(place, step, { http, signal }) {
      await http.request({ url: `${place}/${step}`, method: "POST", timeoutMs: 5_000, signal });
    },
  },
} as const satisfies Record<string, Way>;

interface Way {
  count(place: string, step: string, context: StepContext): Promise<number>;
  happen(place: string, step: string, context: StepContext): Promise<void>;
}

const wayOf = (name: keyof typeof ways): Way => ways[name];

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function withDatabase<Result>(path: string, work: (database: DatabaseSyncInstance) => Result): Result {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.exec("create table if not exists effects (step text)");
    return work(database);
  } finally {
    database.close();
  }
}

const names = ["one", "two", "three", "four", "five", "six"];

export const countedTarget = defineTarget({
  id: "counted",
  title: "effects that anybody can count",
  options: z.strictObject({
    way: z.enum(["line", "number", "row", "request"]),
    place: z.string(),
    steps: z.int(),
    /** One after another, or all at once. */
    chained: z.boolean(),
  }),
  capture: async () => ({ identity: "before", summary: "nothing", data: {} }),
  observe: async () => ({ identity: "now", summary: "nothing", data: {} }),
  plan: ({ options: { steps, chained } }) =>
    names.slice(0, steps).map((operation, index) => ({
      operation,
      title: `make effect ${operation}`,
      phase: "restore" as const,
      needs: chained ? names.slice(index - 1, index) : [],
      input: {},
      expectedMs: 10,
    })),
  async apply({ operation, options: { way, place } }, context) {
    await context.clock.sleep(1);
    await wayOf(way).happen(place, operation, context);
    await context.clock.sleep(1);
    return { summary: operation, changed: true };
  },
  async settle({ operation, options: { way, place } }, context) {
    const count = await wayOf(way).count(place, operation, context);
    return { state: count > 0 ? ("applied" as const) : ("not-applied" as const), summary: `${count} times` };
  },
});
