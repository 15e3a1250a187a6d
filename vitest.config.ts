import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Suites that need an engine belong to `npm run test:real`, which brings it.
const needsEngine =
  process.env.ANAMNESIS_TEST_REAL === undefined
    ? [
        "test/real/suricata.test.ts",
        "test/real/controls.test.ts",
        "test/real/detectors.test.ts",
        "test/real/protocols.test.ts",
        "test/real/dashboard.test.ts",
        "test/real/vaccination.test.ts",
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

/**
 * Suites in memory: they share a worker, which spares each of them loading the same modules again (measured: half
 * of their CPU). All others have a process of their own.
 */
const inMemory = ["sdk/**", "scripts/**", "node", "node/!(cli|faults)/**"].map(
  (folder) => `test/${folder}/*.test.ts`,
);

export default defineConfig({
  test: {
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    // Half of what the suites do is waiting for processes.
    maxWorkers: Math.max(2, availableParallelism()),
    globalSetup: ["test/contracts/build.ts"],
    // Tests await conditions; a slow machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    projects: [
      {
        extends: true,
        test: {
          name: "apart",
          include: ["test/**/*.test.ts"],
          exclude: ["node_modules/**", ...needsEngine, ...inMemory],
        },
      },
      {
        extends: true,
        test: { name: "in memory", include: inMemory, exclude: ["node_modules/**"], isolate: false },
      },
    ],
  },
});
