import { RLP } from "@ethereumjs/rlp";

/** A decoded item: bytes or a list of items (Ethereum Yellow Paper, appendix B). */
export type RlpItem = Uint8Array | readonly RlpItem[];

/** Decodes one item that fills the bytes, in its only encoding. Undefined when they are not one. */
export function decodeRlp(bytes: Uint8Array): RlpItem | undefined {
  if (bytes.length === 0) return undefined; // the library gives the empty string for nothing
  try {
    return RLP.decode(bytes);
  } catch {
    return undefined; // cut, too long, not the shortest form, or nested beyond the stack
  }
}

/** Encodes an item. */
export function encodeRlp(item: RlpItem): Uint8Array {
  return RLP.encode(item as Uint8Array);
}

/** A scalar as it is encoded: big-endian without leading zeros; undefined for anything else or above 2^53 − 1. */
export function scalarOf(item: RlpItem | undefined): number | undefined {
  if (!(item instanceof Uint8Array) || item.length > 7 || item[0] === 0) return undefined;
  let value = 0;
  for (const byte of item) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes of an item when it has exactly this length. */
export function bytesOf(item: RlpItem | undefined, length: number): Uint8Array | undefined {
  return item instanceof Uint8Array && item.length === length ? item : undefined;
}
