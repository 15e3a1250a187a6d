/** Transactions, signed for one chain: legacy ones (EIP-155), which every EVM chain takes, at gas price zero too, and EIP-1559. */
import { concat, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { signDigest } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import { Transaction } from "ethers";
import { quantity, rlpJoin, rlpList, rlpString, trim } from "./rlp.ts";

/** What gas costs, wei: one price, or with a base fee the most in all and what the producer gets. */
export type Fees =
  | { readonly gasPrice: number }
  | { readonly maxFeePerGas: number; readonly maxPriorityFeePerGas: number };

/** What is signed. Amounts are whole numbers below 2^53; no value is ever sent. */
export type TransactionFields = Fees & {
  readonly chainId: number;
  readonly nonce: number;
  readonly gasLimit: number;
  /** Null creates a contract. */
  readonly to: Address | null;
  readonly data: Uint8Array;
};

/** Signs a transaction with a private key of 32 bytes; the same fields give the same bytes and hash. */
export function signTransaction(
  tx: TransactionFields,
  key: Uint8Array,
): { readonly raw: Hex; readonly hash: Bytes32 } {
  const signed = "gasPrice" in tx ? signLegacy(tx, key) : signDynamic(tx, key);
  return { raw: toHex(signed), hash: toHex(keccak256(signed)) as Bytes32 };
}

function signLegacy(tx: TransactionFields & { gasPrice: number }, key: Uint8Array): Uint8Array {
  const fields = [
    quantity(tx.nonce),
    quantity(tx.gasPrice),
    quantity(tx.gasLimit),
    recipient(tx),
    quantity(0),
    tx.data,
  ];
  const replayProtection = [quantity(tx.chainId), quantity(0), quantity(0)];
  const { r, s, parity } = sign(rlpList([...fields, ...replayProtection]), key);
  return rlpList([...fields, quantity(tx.chainId * 2 + 35 + parity), r, s]);
}

/** EIP-1559: 0x02 ‖ RLP([chainId, nonce, priority, maximum, gas, to, value, data, accessList, parity, r, s]). */
function signDynamic(
  tx: TransactionFields & { maxFeePerGas: number; maxPriorityFeePerGas: number },
  key: Uint8Array,
): Uint8Array {
  const fields = [
    quantity(tx.chainId),
    quantity(tx.nonce),
    quantity(tx.maxPriorityFeePerGas),
    quantity(tx.maxFeePerGas),
    quantity(tx.gasLimit),
    recipient(tx),
    quantity(0),
    tx.data,
  ].map(rlpString);
  const noAccessList = rlpList([]);
  const type = Uint8Array.of(2);
  const { r, s, parity } = sign(concat(type, rlpJoin([...fields, noAccessList])), key);
  return concat(type, rlpJoin([...fields, noAccessList, ...[quantity(parity), r, s].map(rlpString)]));
}

function sign(payload: Uint8Array, key: Uint8Array): { r: Uint8Array; s: Uint8Array; parity: number } {
  const signature = fromHex(signDigest(keccak256(payload), key));
  return {
    r: trim(signature.subarray(0, 32)),
    s: trim(signature.subarray(32, 64)),
    parity: (signature[64] as number) - 27,
  };
}

function recipient({ to }: TransactionFields): Uint8Array {
  return to === null ? new Uint8Array(0) : fromHex(to);
}

/** The fields of a transaction that `signTransaction` made; by ethers, since it is rare. */
export function parseTransaction(raw: Hex): TransactionFields {
  const tx = Transaction.from(raw);
  const rest = {
    chainId: Number(tx.chainId),
    nonce: tx.nonce,
    gasLimit: Number(tx.gasLimit),
    to: tx.to === null ? null : (tx.to.toLowerCase() as Address),
    data: fromHex(tx.data),
  };
  return tx.type === 2
    ? {
        ...rest,
        maxFeePerGas: Number(tx.maxFeePerGas),
        maxPriorityFeePerGas: Number(tx.maxPriorityFeePerGas),
      }
    : { ...rest, gasPrice: Number(tx.gasPrice) };
}
