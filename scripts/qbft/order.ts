/** Validators whom the test engine puts into one order, whoever was started again. */
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { makeChainKey } from "../../node/src/cli/consortium/chain-key.ts";

/**
 * Whether validators sorted by their bytes are sorted by their EIP-55 text, too.
 *
 * GoQuorum 22.7.4 sorts the validators that it has read from a genesis by bytes and those that it reads back
 * from its database by text (consensus/istanbul/backend, `startQBFT` and `UnmarshalJSON`), where "B" comes
 * before "a". Of 16 sets of four in a hundred the two differ: then a validator that was started again
 * expects another proposer than one that was not, and with three of four awake no block is made while
 * each waits twice as long as before.
 */
export function isOneOrder(validators: readonly Address[]): boolean {
  const byBytes = [...validators].sort();
  const byText = validators.map((address) => getAddress(address)).sort();
  return byText.every((address, i) => address.toLowerCase() === byBytes[i]);
}

/** New keys of validators in one order. */
export function makeValidatorKeys(count: number): Uint8Array[] {
  for (;;) {
    const keys = Array.from({ length: count }, makeChainKey);
    if (isOneOrder(keys.map(addressOfPrivateKey))) return keys;
  }
}
