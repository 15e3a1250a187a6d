import hre from "hardhat";

/** Compiles the contracts before any test runs: a second or two, and nothing when they have not changed. */
export async function setup(): Promise<void> {
  await hre.tasks.getTask("build").run({ quiet: true });
}
