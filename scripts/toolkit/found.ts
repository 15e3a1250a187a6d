/**
 * Founds a consortium on a running chain from what `anamnesis consortium init` wrote.
 *
 *   node scripts/toolkit/found.ts --dir OUT --chain http://127.0.0.1:8545 [--artifacts DIR]
 *
 * Deploys the contracts, writes OUT/consortium.json and completes OUT/trust.json; run again, it checks.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Trust } from "@anamnesis/sdk/evidence/types";
import type { FoundingFile, UnfoundedTrust } from "../../node/src/cli/consortium/files.ts";
import { buildContracts } from "../consortium/consortium.ts";
import { type Consortium, deployConsortium } from "../consortium/deploy.ts";
import { callRpc } from "../consortium/rpc.ts";

/** Where to found what. */
export interface FoundOptions {
  /** What `consortium init` wrote. */
  readonly directory: string;
  readonly url: string;
  /** Directory of the compiled contracts; the project's artifacts by default. */
  readonly artifacts?: string;
}

/**
 * Deploys the contracts of a plan and writes down where they are.
 *
 * @throws AnamnesisError `config.invalid`; `chain.mismatch` for a chain of another plan; `chain.unreachable`
 */
export async function foundConsortium({ directory, url, artifacts }: FoundOptions): Promise<Consortium> {
  const read = (path: string) => readText(join(directory, path));
  const founding = JSON.parse(await read("foundation/founding.json")) as FoundingFile;
  const key = fromHex((await read("foundation/deployer.key")).trim());
  const trust = JSON.parse(await read("trust.json")) as UnfoundedTrust;
  const chainId = Number(await callRpc(url, "eth_chainId"));
  if (chainId !== founding.chainId)
    throw new AnamnesisError(
      "chain.mismatch",
      `the chain at ${url} has id ${chainId}, and the plan's is ${founding.chainId}`,
    );
  if (artifacts === undefined) await buildContracts();
  const consortium = await deployConsortium({
    url,
    file: join(directory, "consortium.json"),
    deployer: { address: addressOfPrivateKey(key), key },
    founders: founding.founders,
    parameters: founding.parameters,
    blindingKeyHash: founding.blindingKeyHash,
    votingPeriodSeconds: founding.votingPeriodSeconds,
    ...(artifacts !== undefined && { artifacts }),
  });
  const founded: Trust = {
    ...trust,
    genesisHash: consortium.genesisHash,
    registry: { address: consortium.registry, codeHash: consortium.codeHashes.registry },
    memory: { address: consortium.memory, codeHash: consortium.codeHashes.memory },
  };
  const file = join(directory, "trust.json");
  await writeFile(`${file}.tmp`, `${JSON.stringify(founded, null, 2)}\n`);
  await rename(`${file}.tmp`, file);
  return consortium;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AnamnesisError(
      "config.invalid",
      `${path} cannot be read; --dir is what consortium init wrote`,
      { cause },
    );
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { dir: { type: "string" }, chain: { type: "string" }, artifacts: { type: "string" } },
  });
  const { dir, chain, artifacts } = values;
  if (dir === undefined || chain === undefined) {
    process.stderr.write("usage: node scripts/toolkit/found.ts --dir OUT --chain URL [--artifacts DIR]\n");
    process.exitCode = 2;
  } else {
    try {
      const directory = resolve(dir);
      const { registry, memory, governor } = await foundConsortium({
        directory,
        url: chain,
        ...(artifacts !== undefined && { artifacts: resolve(artifacts) }),
      });
      process.stdout.write(`registry ${registry}\nmemory ${memory}\ngovernor ${governor}\n`);
      process.stdout.write(
        `Give ${join(directory, "consortium.json")} and ${join(directory, "trust.json")} to everybody.\n`,
      );
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      process.stderr.write(`${error.message} (${error.code})\n`);
      process.exitCode = 1;
    }
  }
}
