/** RLP (Yellow Paper, appendix B) by hand: transactions, headers and receipts are hashed where seconds count. */
import { concat, fromHex, uintBytes } from "@anamnesis/sdk/core/bytes";

/** A number in RLP's terms: big-endian without leading zeros, zero is empty. */
export function quantity(value: number): Uint8Array {
  return trim(uintBytes(value, 8));
}

/** A quantity of JSON-RPC (`0x1f`, of any length) in RLP's terms. */
export function quantityOfHex(hex: string): Uint8Array {
  const digits = hex.slice(2);
  return trim(fromHex(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`));
}

/** Bytes without leading zeros. */
export function trim(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first);
}

/** RLP of a list whose items are encoded already. */
export function rlpJoin(items: readonly Uint8Array[]): Uint8Array {
  const body = concat(...items);
  return concat(rlpHeader(0xc0, body.length), body);
}

/** RLP of a list of byte strings. */
export function rlpList(items: readonly Uint8Array[]): Uint8Array {
  return rlpJoin(items.map(rlpString));
}

/** RLP of a byte string. */
export function rlpString(bytes: Uint8Array): Uint8Array {
  const single = bytes.length === 1 && (bytes[0] as number) < 0x80;
  return single ? bytes : concat(rlpHeader(0x80, bytes.length), bytes);
}

function rlpHeader(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const size = quantity(length);
  return concat(Uint8Array.of(base + 55 + size.length), size);
}
