import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Hex, Signature } from "@anamnesis/sdk/core/types";
import { signTransaction } from "./transaction.ts";

/** A legacy transaction that moves no value. Amounts are whole numbers below 2^53. */
export interface AccountTransaction {
  readonly chainId: number;
  readonly nonce: number;
  /** Wei. */
  readonly gasPrice: number;
  readonly gasLimit: number;
  readonly to: Address;
  readonly data: Uint8Array;
}

/** The key of a member account, here or elsewhere. It signs transactions and configurations, never a bare digest. */
export interface AccountSigner {
  readonly address: Address;
  /** The transaction's bytes and its hash. Throws `signer.unreachable` | `signer.mismatch`. */
  signTransaction(tx: AccountTransaction): Promise<{ readonly raw: Hex; readonly hash: Bytes32 }>;
  /** EIP-712 `Configuration` over a file's SHA-256. Throws `signer.unreachable` | `signer.mismatch`. */
  signConfiguration(digest: Bytes32): Promise<Signature>;
}

/** The signer whose private key of 32 bytes is in this process. */
export function createKeySigner(privateKey: Uint8Array, hasher: TypedDataHasher): AccountSigner {
  return {
    address: addressOfPrivateKey(privateKey),
    signTransaction: async (tx) => signTransaction(tx, privateKey),
    signConfiguration: async (digest) => signDigest(hasher.configuration(digest), privateKey),
  };
}
