import { defineConfig } from "vitest/config";

// The tests of the rooms that are mutated, without those that only simulate: they are slow, and say little of a single line.
export default defineConfig({
  test: {
    include: ["test/judge/**/*.test.ts", "test/core/**/*.test.ts"],
    exclude: ["test/judge/ramps.test.ts"],
    setupFiles: [".config/vitest-mutation-setup.ts"],
    testTimeout: 30_000,
  },
});
