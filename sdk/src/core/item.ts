/*
 * An item as it travels and as it lies in the store, big-endian:
 * 0 · salt 32 · length u32 · entry   |   1 · commitment 32 · length u8 · reason in UTF-8
 */
import { utf8 } from "./bytes.ts";
import { type Item, MAX_ENTRY_BYTES } from "./entry.ts";
import { AnamnesisError } from "./errors.ts";

/** Bytes before an entry. */
const ENTRY_AT = 37;
/** Bytes before a reason. */
const REASON_AT = 34;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of an item in its wire form. */
export function itemLength(item: Item): number {
  return "commitment" in item ? REASON_AT + utf8(item.reason).length : ENTRY_AT + item.entry.length;
}

/** Writes an item at an offset where `itemLength` bytes are free; gives the offset behind it. Throws `input.invalid` for a reason above 255 bytes. */
export function writeItem(target: Uint8Array, at: number, item: Item): number {
  if ("commitment" in item) {
    const reason = utf8(item.reason);
    if (reason.length > 255)
      throw new AnamnesisError("input.invalid", `a reason of ${reason.length} bytes exceeds 255; shorten it`);
    target[at] = 1;
    target.set(item.commitment, at + 1);
    target[at + 33] = reason.length;
    target.set(reason, at + REASON_AT);
    return at + REASON_AT + reason.length;
  }
  const { salt, entry } = item;
  target[at] = 0;
  target.set(salt, at + 1);
  target[at + 33] = entry.length >>> 24;
  target[at + 34] = entry.length >>> 16;
  target[at + 35] = entry.length >>> 8;
  target[at + 36] = entry.length;
  target.set(entry, at + ENTRY_AT);
  return at + ENTRY_AT + entry.length;
}

/** Reads the item at an offset; its parts are views of `bytes`. Throws `message.malformed`. */
export function readItem(bytes: Uint8Array, at: number): { readonly item: Item; readonly end: number } {
  const tag = bytes[at];
  if (tag === 0) {
    const entryAt = at + ENTRY_AT;
    const length =
      byte(bytes, at + 33) * 2 ** 24 +
      (byte(bytes, at + 34) << 16) +
      (byte(bytes, at + 35) << 8) +
      byte(bytes, at + 36);
    if (length > MAX_ENTRY_BYTES)
      throw new AnamnesisError(
        "message.malformed",
        `an item claims ${length} bytes; at most ${MAX_ENTRY_BYTES} are allowed`,
      );
    const end = within(bytes, entryAt + length);
    return { item: { salt: bytes.subarray(at + 1, at + 33), entry: bytes.subarray(entryAt, end) }, end };
  }
  if (tag === 1) {
    const reasonAt = at + REASON_AT;
    const end = within(bytes, reasonAt + byte(bytes, at + 33));
    const reason = decoder.decode(bytes.subarray(reasonAt, end));
    return { item: { commitment: bytes.subarray(at + 1, at + 33), reason }, end };
  }
  within(bytes, at + 1);
  throw new AnamnesisError("message.malformed", `an item of unknown kind ${tag}`);
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[within(bytes, at + 1) - 1] as number;
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length)
    throw new AnamnesisError(
      "message.malformed",
      `a message ends after ${bytes.length} bytes, inside an item`,
    );
  return end;
}
