import { defineConfig } from "vitest/config";

// Suites that need an engine belong to `npm run test:real`, which brings it.
const needsEngine =
  process.env.ANAMNESIS_TEST_REAL === undefined
    ? [
        "test/real/suricata.test.ts",
        "test/real/controls.test.ts",
        "test/real/chain.test.ts",
        "test/real/chain-seals.test.ts",
      ]
    : [];

export default defineConfig({
  test: {
    pool: "forks",
    include: ["test/**/*.test.ts"],
    exclude: ["node_modules/**", ...needsEngine],
    globalSetup: ["test/contracts/build.ts"],
    // Tests await conditions; a slow machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
