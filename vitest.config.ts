import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const slow = { testTimeout: 300_000, hookTimeout: 300_000 };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/count-reporter.ts"],
    // Most tests wait for servers and processes: one more than vitest would take on two cores.
    // Of one file, where it says that its tests may run beside each other.
    maxConcurrency: 3,
    globalSetup: "./test/support/shared-cluster.ts",
    // A Kubernetes may have to be ended.
    teardownTimeout: 120_000,
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/docs/**/*.test.ts"],
          testTimeout: 60_000,
          // Nothing in them alters what others see, and loading everything once a file takes longer than the tests.
          isolate: false,
        },
      },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], ...slow } },
      { test: { name: "crash", include: ["test/crash/**/*.test.ts"], ...slow } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...slow } },
    ],
  },
});
