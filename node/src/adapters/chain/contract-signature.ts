import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import { Interface } from "ethers";
import type { Rpc } from "./rpc.ts";

const WALLET = new Interface([
  "function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)",
]);
/** The function's selector in a word: what it answers to a signature that holds. */
const HOLDS = `0x1626ba7e${"0".repeat(56)}`;

/**
 * Whether a contract calls a signature its own (EIP-1271), by its state at a block. An account without
 * code calls nothing its own, a contract that reverts neither.
 *
 * @param signature whatever the contract takes for one, empty for what it has approved on the chain
 * @throws AnamnesisError `chain.unreachable`, `chain.reverted` when the chain could not run it (its state is pruned)
 */
export async function isSignedByContract(
  call: Rpc["call"],
  account: Address,
  digest: Bytes32,
  signature: Hex,
  block: number | "latest",
): Promise<boolean> {
  const data = WALLET.encodeFunctionData("isValidSignature", [digest, signature]);
  const at = block === "latest" ? block : `0x${block.toString(16)}`;
  try {
    return (await call("eth_call", [{ to: account, data }, at])) === HOLDS;
  } catch (error) {
    if (isAnamnesisError(error, "chain.reverted") && /revert/i.test(error.message)) return false;
    throw error;
  }
}

/** Parses a contract's signature, of at most 4,096 bytes. Throws `config.invalid` naming `what`. */
export function parseContractSignature(value: string, what: string): Hex {
  if (/^0x(?:[0-9a-f]{2}){0,4096}$/i.test(value)) return value.toLowerCase() as Hex;
  throw new AnamnesisError(
    "config.invalid",
    `${what} is no signature: write 0x and at most 4,096 bytes of hexadecimal, as the contract's owners made it`,
  );
}
