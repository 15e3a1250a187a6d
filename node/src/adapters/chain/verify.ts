import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import type { Ask } from "./endpoints.ts";
import { hashHeader, type RpcHeader } from "./header.ts";

/** The contracts of a consortium, by their names in consortium.json. */
export const CONTRACTS = ["registry", "memory", "governor"] as const;

/** Where the contracts of one consortium are, and by what they are recognised. */
export interface ConsortiumAddress {
  readonly chainId: number;
  readonly genesisHash: Bytes32;
  readonly registry: Address;
  readonly memory: Address;
  /** The contract through which members decide. */
  readonly governor: Address;
  /** Keccak-256 of each contract's deployed code. */
  readonly codeHashes: Readonly<Record<(typeof CONTRACTS)[number], Bytes32>>;
}

/**
 * Throws `chain.mismatch` unless this is the chain with the contracts that were enrolled with. With
 * `check` the genesis header must give its own hash, too: later headers are held to the same rule.
 */
export async function verifyChain(ask: Ask, expected: ConsortiumAddress, check: boolean): Promise<void> {
  requireSame("chain id", Number(await ask("eth_chainId", [])), expected.chainId);
  const genesis = (await ask("eth_getBlockByNumber", ["0x0", false])) as RpcHeader | null;
  requireSame("genesis hash", genesis?.hash, expected.genesisHash);
  if (check && genesis !== null) requireSame("hash of the genesis header", hashHeader(genesis), genesis.hash);
  for (const name of CONTRACTS) {
    const code = fromHex(String(await ask("eth_getCode", [expected[name], "latest"])));
    requireSame(
      `code hash of the ${name} at ${expected[name]}`,
      toHex(keccak256(code)),
      expected.codeHashes[name],
    );
  }
}

function requireSame(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return;
  throw new AnamnesisError(
    "chain.mismatch",
    `${what} is ${found}, but the consortium's is ${expected}; is this the right chain?`,
  );
}
