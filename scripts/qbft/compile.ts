/** Builds contracts/ for an EVM without Cancun: hardhat.config.ts's profile `london` against OpenZeppelin 5.3.0. */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import config from "../../hardhat.config.ts";
import { ROOT } from "../consortium/consortium.ts";

const require = createRequire(import.meta.url);
const OPENZEPPELIN = "@openzeppelin/contracts/";
const OLDER = dirname(require.resolve("openzeppelin-contracts-5.3/package.json"));

const OUTPUT = ["abi", "evm.bytecode.object", "evm.deployedBytecode"];

interface Compiled {
  readonly abi: readonly unknown[];
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: {
      readonly object: string;
      readonly immutableReferences: Readonly<Record<string, readonly { start: number; length: number }[]>>;
    };
  };
}

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

/**
 * Compiles every contract of contracts/ unless `directory` already holds them, built from the same text.
 *
 * @param directory takes contracts/NAME.sol/NAME.json with abi, bytecode, deployedBytecode, immutableReferences
 * @returns bytes of deployed code by contract
 * @throws AnamnesisError `config.invalid` with the compiler's first error
 */
export async function compileLondon(directory: string): Promise<Readonly<Record<string, number>>> {
  const sources = await readSources();
  const profiles = config.solidity as unknown as {
    readonly profiles: { readonly london: { readonly settings: Record<string, unknown> } };
  };
  const settings = {
    ...profiles.profiles.london.settings,
    // Ours alone: the library's own files are only read.
    outputSelection: Object.fromEntries(Object.keys(sources).map((file) => [file, { "*": OUTPUT }])),
  };
  const input = JSON.stringify({ language: "Solidity", sources, settings });
  const digest = createHash("sha256").update(input).digest("hex");
  const stamp = join(directory, "built.json");
  const held = await readFile(stamp, "utf8").catch(() => undefined);
  if (held !== undefined) {
    const built = JSON.parse(held) as { digest: string; sizes: Record<string, number> };
    if (built.digest === digest) return built.sizes;
  }
  const solc = require("solc") as { compile(input: string, callbacks: unknown): string };
  const output = JSON.parse(solc.compile(input, { import: readImport })) as SolcOutput;
  const error = output.errors?.find(({ severity }) => severity === "error");
  if (error !== undefined || output.contracts === undefined)
    throw new AnamnesisError(
      "config.invalid",
      `profile london: ${error?.formattedMessage ?? "nothing was built"}`,
    );
  const sizes: Record<string, number> = {};
  for (const [file, contracts] of Object.entries(output.contracts)) {
    for (const [name, { abi, evm }] of Object.entries(contracts)) {
      const path = join(directory, file, `${name}.json`);
      const artifact = {
        contractName: name,
        sourceName: file,
        abi,
        bytecode: `0x${evm.bytecode.object}`,
        deployedBytecode: `0x${evm.deployedBytecode.object}`,
        immutableReferences: evm.deployedBytecode.immutableReferences ?? {},
      };
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, JSON.stringify(artifact));
      const bytes = evm.deployedBytecode.object.length / 2;
      if (bytes > 0) sizes[name] = bytes;
    }
  }
  await writeFile(stamp, JSON.stringify({ digest, sizes }));
  return sizes;
}

async function readSources(): Promise<Record<string, { content: string }>> {
  const files = globSync("contracts/**/*.sol", { cwd: ROOT }).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), "utf8")));
  return Object.fromEntries(files.map((file, i) => [file, { content: texts[i] as string }]));
}

/** The same import paths, an older library. */
function readImport(path: string): { contents: string } | { error: string } {
  if (!path.startsWith(OPENZEPPELIN)) return { error: `${path} is neither ours nor OpenZeppelin's` };
  try {
    return { contents: readFileSync(join(OLDER, path.slice(OPENZEPPELIN.length)), "utf8") };
  } catch {
    return { error: `OpenZeppelin 5.3.0 has no ${path}` };
  }
}
