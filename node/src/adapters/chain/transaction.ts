/** Legacy transactions, signed for one chain (EIP-155): every EVM chain takes them, at gas price zero too. */
import { concat, fromHex, toHex, uintBytes } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { signDigest } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";

/** What is signed. Amounts are whole numbers below 2^53; no value is ever sent. */
export interface LegacyTransaction {
  readonly chainId: number;
  readonly nonce: number;
  /** Wei. */
  readonly gasPrice: number;
  readonly gasLimit: number;
  /** Null creates a contract. */
  readonly to: Address | null;
  readonly data: Uint8Array;
}

/** Signs a transaction with a private key of 32 bytes; gives its bytes and its hash. */
export function signTransaction(
  tx: LegacyTransaction,
  key: Uint8Array,
): { readonly raw: Hex; readonly hash: Bytes32 } {
  const to = tx.to === null ? new Uint8Array(0) : fromHex(tx.to);
  const fields = [quantity(tx.nonce), quantity(tx.gasPrice), quantity(tx.gasLimit), to, quantity(0), tx.data];
  const replayProtection = [quantity(tx.chainId), quantity(0), quantity(0)];
  const signature = fromHex(signDigest(keccak256(rlpList([...fields, ...replayProtection])), key));
  const recovery = (signature[64] as number) - 27;
  const signed = rlpList([
    ...fields,
    quantity(tx.chainId * 2 + 35 + recovery),
    trim(signature.subarray(0, 32)),
    trim(signature.subarray(32, 64)),
  ]);
  return { raw: toHex(signed), hash: toHex(keccak256(signed)) as Bytes32 };
}

/** A number in RLP's terms: big-endian without leading zeros, zero is empty. */
function quantity(value: number): Uint8Array {
  return trim(uintBytes(value, 8));
}

function trim(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first);
}

/** RLP of a list of byte strings (Yellow Paper, appendix B). */
function rlpList(items: readonly Uint8Array[]): Uint8Array {
  const body = concat(...items.map(rlpString));
  return concat(rlpHeader(0xc0, body.length), body);
}

function rlpString(bytes: Uint8Array): Uint8Array {
  const single = bytes.length === 1 && (bytes[0] as number) < 0x80;
  return single ? bytes : concat(rlpHeader(0x80, bytes.length), bytes);
}

function rlpHeader(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const size = quantity(length);
  return concat(Uint8Array.of(base + 55 + size.length), size);
}
