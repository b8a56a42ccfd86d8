import { defineConfig } from "vitest/config";

const slow = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/count-reporter.ts"],
    projects: [
      {
        test: { name: "unit", include: ["src/**/*.test.ts", "test/docs/**/*.test.ts"], testTimeout: 20_000 },
      },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], ...slow } },
      { test: { name: "crash", include: ["test/crash/**/*.test.ts"], ...slow } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...slow } },
    ],
  },
});
