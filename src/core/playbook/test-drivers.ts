import * as z from "zod";
import { type DriverModule, defineCheck, defineSignal, defineTarget } from "../driver.js";

const never = () => Promise.reject(new Error("the parser does not call a driver"));

/** Drivers that can do nothing but say what they are: for the parser's tests. */
export const testDrivers: ReadonlyMap<string, DriverModule> = new Map<string, DriverModule>([
  [
    "sqlite",
    {
      target: defineTarget({
        id: "sqlite",
        title: "A database in a file",
        options: z.strictObject({
          file: z.string().describe("The database file"),
          mode: z.enum(["copy", "backup"]).default("backup"),
          port: z.int().min(1).max(65_535).optional(),
          password: z.string().optional(),
          args: z.array(z.string()).default([]),
        }),
        claims: ({ file }, resolve) => [`file:${resolve(file)}`],
        observe: never,
        plan: () => [],
        apply: never,
        settle: never,
      }),
    },
  ],
  [
    "http",
    {
      signal: defineSignal({
        id: "http",
        title: "Answers of a URL",
        options: z.strictObject({ url: z.string().startsWith("http") }),
        read: never,
      }),
      check: defineCheck({
        id: "http",
        title: "Answers of a URL",
        options: z.strictObject({ url: z.string().startsWith("http"), status: z.int().default(200) }),
        run: never,
      }),
    },
  ],
]);

export const testContext = {
  drivers: testDrivers,
  knownDrivers: [...testDrivers.keys(), "redis"],
  resolvePath: (path: string) => (path.startsWith("/") ? path : `/srv/shop/${path.replace(/^\.\//, "")}`),
};
