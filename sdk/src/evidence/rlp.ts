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

const [EMPTY, LONG_TEXT, SHORT_LIST, LONG_LIST] = [0x80, 0xb8, 0xc0, 0xf8];
const NOTHING = new Uint8Array(0);

/**
 * A list of strings below 56 bytes each, as nearly all trie nodes are; undefined for anything else, which
 * `decodeRlp` then decodes or refuses.
 */
export function quickNode(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const first = bytes[0] as number;
  let at = 1;
  let length = first - SHORT_LIST;
  if (first >= LONG_LIST) {
    at = first - LONG_LIST + 2;
    if (at > 3) return undefined;
    length = at === 2 ? (bytes[1] as number) : ((bytes[1] as number) << 8) | (bytes[2] as number);
    if (length < (at === 2 ? 56 : 256)) return undefined; // not the shortest form
  }
  if (first < SHORT_LIST || at + length !== bytes.length) return undefined;
  const items: Uint8Array[] = [];
  while (at < bytes.length) {
    const head = bytes[at] as number;
    if (head === EMPTY) {
      items.push(NOTHING);
      at++;
    } else if (head < EMPTY) {
      items.push(bytes.subarray(at, ++at));
    } else {
      const end = at + 1 + head - EMPTY;
      if (head >= LONG_TEXT || end > bytes.length) return undefined;
      if (end === at + 2 && (bytes[at + 1] as number) < EMPTY) return undefined; // a byte with a prefix too many
      items.push(bytes.subarray(at + 1, end));
      at = end;
    }
  }
  return items;
}
