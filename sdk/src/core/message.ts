/**
 * The one message of push and sync: a stretch of a feed that proves itself, even over a gap.
 *
 *   { feed 20, start u64, peaks [32…] of [0,start), items [{salt, entry} | {commitment, reason}],
 *     path [32…] consistency end → head.size, head {size, root, sig65} }
 *
 * Wire form, big-endian: version u8 = 1 · feed 20 · start u64 · peaks u8 n, n × 32 · items u16 n,
 * n × (0 salt 32 length u32 entry | 1 commitment 32 length u8 reason) · path u8 n, n × 32 ·
 * head size u64, root 32, signature 65.
 */
import { equalBytes, fromHex, readUint, toHex, uintBytes } from "./bytes.ts";
import { commitmentOf, type Item } from "./entry.ts";
import { AnamnesisError } from "./errors.ts";
import { itemLength, readItem, writeItem } from "./item.ts";
import {
  appendLeaves,
  type ClosedNode,
  type Frontier,
  leafHash,
  peakCount,
  rootOf,
  verifyConsistency,
} from "./merkle.ts";
import { recoverSigner } from "./signature.ts";
import type { TypedDataHasher } from "./typed-data.ts";
import type { Address, Bytes32, Signature, SignedHead } from "./types.ts";

/** Items in one message at most. */
export const MAX_ITEMS = 4096;
/** Bytes of one message at most: 1 MiB of items and their frame. */
export const MAX_MESSAGE_BYTES = 1_048_576 + 131_072;
/** What a message holds beside its peaks, items and path. */
const FRAME_BYTES = 1 + 20 + 8 + 1 + 2 + 1 + 8 + 32 + 65;

/** A stretch [start, start + items.length) of a feed under a signed head. */
export interface FeedMessage {
  readonly feed: Address;
  readonly start: number;
  /** The frontier's peaks of [0, start), largest first. */
  readonly peaks: readonly Uint8Array[];
  readonly items: readonly Item[];
  /** RFC 9162 PROOF(end, D[head.size]). */
  readonly path: readonly Uint8Array[];
  readonly head: SignedHead;
}

/** What a verified message yields: the frontier after its items and the complete subtrees they closed. */
export interface VerifiedMessage {
  readonly message: FeedMessage;
  readonly frontier: Frontier;
  readonly closed: readonly ClosedNode[];
}

/** Encodes a message. Throws `message.tooLarge`. */
export function encodeMessage(message: FeedMessage): Uint8Array {
  const { peaks, items, path, head } = message;
  const itemBytes = items.reduce((sum, item) => sum + itemLength(item), 0);
  const length = FRAME_BYTES + 32 * (peaks.length + path.length) + itemBytes;
  if (length > MAX_MESSAGE_BYTES) {
    throw new AnamnesisError(
      "message.tooLarge",
      `a message of ${length} bytes exceeds ${MAX_MESSAGE_BYTES}; send fewer items`,
    );
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  put(Uint8Array.of(1));
  put(fromHex(message.feed));
  put(uintBytes(message.start, 8));
  put(Uint8Array.of(peaks.length));
  peaks.forEach(put);
  put(uintBytes(items.length, 2));
  for (const item of items) at = writeItem(bytes, at, item);
  put(Uint8Array.of(path.length));
  path.forEach(put);
  put(uintBytes(head.size, 8));
  put(fromHex(head.root));
  put(fromHex(head.signature));
  return bytes;
}

/** Decodes a message; nothing is verified yet. Throws `message.malformed` | `message.tooLarge`. */
export function decodeMessage(bytes: Uint8Array): FeedMessage {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new AnamnesisError(
      "message.tooLarge",
      `a message of ${bytes.length} bytes exceeds ${MAX_MESSAGE_BYTES}`,
    );
  }
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length)
      throw new AnamnesisError(
        "message.malformed",
        `a message ends after ${bytes.length} bytes, inside a field`,
      );
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (length: number): number => {
    try {
      return readUint(take(length), 0, length);
    } catch (cause) {
      throw new AnamnesisError("message.malformed", "a message holds a number above 2^53 − 1 or ends early", {
        cause,
      });
    }
  };
  const hashes = (): Uint8Array[] => Array.from({ length: number(1) }, () => take(32));
  if (number(1) !== 1)
    throw new AnamnesisError(
      "message.malformed",
      "a message of an unknown version; this node speaks version 1",
    );
  const feed = toHex(take(20)) as Address;
  const start = number(8);
  const peaks = hashes();
  const count = number(2);
  if (count > MAX_ITEMS)
    throw new AnamnesisError(
      "message.malformed",
      `a message claims ${count} items; at most ${MAX_ITEMS} are allowed`,
    );
  const items: Item[] = [];
  for (let i = 0; i < count; i++) {
    const { item, end } = readItem(bytes, at);
    items.push(item);
    at = end;
  }
  const path = hashes();
  const head: SignedHead = {
    feed,
    size: number(8),
    root: toHex(take(32)) as Bytes32,
    signature: toHex(take(65)) as Signature,
  };
  if (at !== bytes.length)
    throw new AnamnesisError("message.malformed", `a message has ${bytes.length - at} bytes after its end`);
  return { feed, start, peaks, items, path, head };
}

/**
 * Verifies a message by itself: peaks + items give root(end), the path connects it to the head, and
 * the feed's own key signed the head. Whether that key may speak is the caller's question.
 *
 * Throws `message.peaks` | `message.path` | `head.signature`.
 */
export function verifyMessage(hasher: TypedDataHasher, message: FeedMessage): VerifiedMessage {
  const { head, start, peaks, items, path } = message;
  const end = start + items.length;
  if (peaks.length !== peakCount(start)) {
    throw new AnamnesisError(
      "message.peaks",
      `${peaks.length} peaks cannot be the frontier of ${start} leaves`,
    );
  }
  if (end > head.size)
    throw new AnamnesisError("message.path", `items up to ${end} exceed the signed size ${head.size}`);
  if (!verifyHead(hasher, head))
    throw new AnamnesisError(
      "head.signature",
      `the head of feed ${head.feed} at size ${head.size} is not signed by its key`,
    );
  const leaves = items.map((item) => leafHash(commitmentOf(item)));
  const { frontier, closed } = appendLeaves({ size: start, peaks }, leaves);
  if (!verifyConsistency(end, rootOf(frontier), head.size, fromHex(head.root), path)) {
    throw new AnamnesisError(
      "message.path",
      `the items [${start}, ${end}) do not belong under the signed root of size ${head.size}`,
    );
  }
  return { message, frontier, closed };
}

/** Whether a head is signed by the key whose feed it is. */
export function verifyHead(hasher: TypedDataHasher, head: SignedHead): boolean {
  return recoverSigner(hasher.head(head), head.signature) === head.feed;
}

/** Whether two heads are the same statement. */
export function sameHead(a: SignedHead, b: SignedHead): boolean {
  return a.size === b.size && equalBytes(fromHex(a.root), fromHex(b.root));
}
