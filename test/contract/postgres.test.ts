import { target } from "../../src/drivers/postgres/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { type Fault, withoutTools } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";

const faults: readonly Fault<PostgresWorld>[] = [
  {
    name: "wrong password",
    options: ({ options }) => ({ ...options, user: "shop_secret", password: "wrong" }),
    arrange: async ({ server }) => {
      await server.sql("postgres", "create role shop_secret login");
      return async () => void (await server.sql("postgres", "drop role shop_secret"));
    },
    code: ["DENIED", "REFUSED"],
    says: /shop_secret|permission denied/,
    on: ["capture", "observe"],
  },
  {
    name: "no such database",
    options: ({ options }) => ({ ...options, database: "nowhere" }),
    code: ["NOT_FOUND", "CONFLICT"],
    says: /nowhere/,
    on: ["capture"],
  },
  {
    name: "server gone",
    arrange: async ({ server }) => {
      await server.crash();
      return () => server.start();
    },
    code: "UNREACHABLE",
    says: /cannot be reached/,
  },
  {
    name: "tool missing",
    host: (host) => withoutTools({ ...host, files: { ...host.files, list: async () => [] } }),
    code: "TOOL_MISSING",
    says: /pg_(dump|restore): is not installed/,
    on: ["capture", "apply"],
  },
];

describeTarget(target, {
  driver: "postgres",
  kills: 3,
  setUp: () => postgresWorld("shop"),
  faults,
});
