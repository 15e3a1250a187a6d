import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { encodeRlp } from "ethers";

/**
 * `extraData` of a QBFT genesis block in header mode: RLP of [32 bytes of vanity, validators in ascending
 * order, no vote, round 0, no seals].
 *
 * Besu's and GoQuorum's codec agree on it (Besu `QbftExtraDataCodec`, GoQuorum `PrepareExtra`).
 * @param validators at least one, each once, in any order
 * @throws AnamnesisError `config.invalid`
 */
export function genesisExtraData(validators: readonly Address[]): Hex {
  const sorted = [...validators].sort();
  if (sorted.length === 0)
    throw new AnamnesisError("config.invalid", "a QBFT genesis needs at least one validator");
  const twice = sorted.find((address, i) => address === sorted[i + 1]);
  if (twice !== undefined)
    throw new AnamnesisError(
      "config.invalid",
      `validator ${twice} is listed twice; every validator has its own key`,
    );
  return encodeRlp([toHex(new Uint8Array(32)), sorted, [], "0x", []]) as Hex;
}
