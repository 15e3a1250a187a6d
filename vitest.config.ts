import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

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

/** What takes longest begins first: real processes, then chains in memory. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      ["test/e2e/main-job", "test/e2e/", "test/contracts/"].findIndex((part) => moduleId.includes(part)) >>>
      0;
    return files.sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    // Half of what the suites do is waiting for processes.
    maxWorkers: Math.max(2, availableParallelism()),
    include: ["test/**/*.test.ts"],
    exclude: ["node_modules/**", ...needsEngine],
    globalSetup: ["test/contracts/build.ts"],
    // Tests await conditions; a slow machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
