import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatTypechain from "@nomicfoundation/hardhat-typechain";
import { defineConfig } from "hardhat/config";
import type { HardhatPlugin } from "hardhat/types/plugins";

// The compiler comes from the lockfile, so that a build needs no network and always gives the same bytecode.
const compilerPath = createRequire(import.meta.url).resolve("solc/soljson.js");

const settings = {
  optimizer: { enabled: true, runs: 1_000_000 },
  viaIR: true,
  // The evidence verifier reads storage proofs: a test pins every slot it relies on.
  outputSelection: { "*": { "*": ["storageLayout"] } },
};

/** Drops compiler warnings about the sources of dependencies, which nobody here can mend. */
const quietDependencies: HardhatPlugin = {
  id: "quiet-dependencies",
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        getCompilationJobErrors: async (context, job, output, next) => {
          const errors = await next(context, job, output);
          return errors.filter(
            (e) => e.severity !== "warning" || !e.formattedMessage?.includes("--> ./node_modules/"),
          );
        },
      }),
    }),
  },
};

export default defineConfig({
  plugins: [hardhatEthers, hardhatNetworkHelpers, hardhatTypechain, quietDependencies],
  solidity: {
    profiles: {
      default: { version: "0.8.37", path: compilerPath, settings: { ...settings, evmVersion: "cancun" } },
      // For engines without Cancun: scripts/qbft/compile.ts builds it, against OpenZeppelin 5.3.0, whose
      // code does without MCOPY. (`hardhat build --build-profile london` would take 5.7.0, which does not.)
      london: { version: "0.8.37", path: compilerPath, settings: { ...settings, evmVersion: "london" } },
    },
  },
  paths: {
    sources: "contracts",
    tests: { solidity: "test/contracts" },
    artifacts: "artifacts",
    cache: "cache",
  },
  typechain: { outDir: "types" },
  networks: {
    default: { type: "edr-simulated", chainType: "l1", hardfork: "cancun" },
  },
  test: {
    solidity: {
      fsPermissions: { readDirectory: ["test/vectors"] },
      fuzz: { runs: 256, seed: "0x616e616d6e65736973" },
      invariant: { runs: 32, depth: 64, failOnRevert: true },
    },
  },
});
