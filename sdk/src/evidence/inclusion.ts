/** Entries of feeds under the heads that the chain holds (RFC 9162 trees). */
import { equalBytes, fromHex } from "../core/bytes.ts";
import { commitmentBytes } from "../core/entry.ts";
import { leafHash } from "../core/merkle.ts";
import { verifySignature } from "../core/signature.ts";
import type { TypedDataHasher } from "../core/typed-data.ts";
import type { Address } from "../core/types.ts";
import { missing, type PublicKeys } from "./attestations.ts";
import { rootOfMultiPath } from "./multi-path.ts";
import type { ReadFeed, ReadSnapshot } from "./read.ts";
import { refuse, requireAscending } from "./refuse.ts";
import type { NodeKeyWord } from "./storage.ts";
import type { FeedFacts } from "./types.ts";

/** Leading bytes of a head's root that the chain holds. */
const ROOT_BYTES = 21;

/**
 * Every feed's items give, with its path, the root that its key signed and the chain holds at the block.
 * @throws AnamnesisError `evidence.head` | `evidence.inclusion` | `evidence.key`
 */
export function verifyInclusion(
  snapshot: ReadSnapshot,
  keys: PublicKeys,
  held: ReadonlyMap<Address, NodeKeyWord>,
  hasher: TypedDataHasher,
  field: string,
): readonly FeedFacts[] {
  const fieldOf = (index: number) => `${field}.feeds[${index}]`;
  requireAscending(
    snapshot.feeds.map(({ feed }) => feed),
    "evidence.inclusion",
    fieldOf,
    "feeds ascend by address",
  );
  return snapshot.feeds.map((evidence, index) => {
    const { feed, size, root, signature, items } = evidence;
    const publicKey = keys.get(feed) ?? missing(feed, `${fieldOf(index)}.feed`, feed);
    const slot = held.get(feed) as NodeKeyWord; // every key of the bundle is proved
    if (slot.size !== size)
      throw refuse(
        "evidence.head",
        `${fieldOf(index)}.size`,
        `is ${size}; the chain holds ${slot.size}`,
        feed,
      );
    const rootBytes = fromHex(root);
    if (!equalBytes(rootBytes.subarray(0, ROOT_BYTES), slot.root))
      throw refuse("evidence.head", `${fieldOf(index)}.root`, "is not the one that the chain holds", feed);
    if (!verifySignature(hasher.head({ feed, size, root }), signature, publicKey))
      throw refuse(
        "evidence.head",
        `${fieldOf(index)}.signature`,
        `is not one of ${feed} over this head`,
        feed,
      );
    requireIncluded(evidence, rootBytes, fieldOf(index));
    const entries = items.map(({ index: at, entry }) => ({ index: at, entry }));
    return { feed, member: slot.member, size, root, entries };
  });
}

function requireIncluded(
  { feed, items, path, root: _, size }: ReadFeed,
  root: Uint8Array,
  field: string,
): void {
  requireAscending(
    items.map(({ index }) => index),
    "evidence.inclusion",
    (index) => `${field}.items[${index}]`,
    "items ascend by index",
  );
  if ((items.at(-1) as { readonly index: number }).index >= size)
    throw refuse(
      "evidence.inclusion",
      `${field}.items[${items.length - 1}].index`,
      "is beyond the head",
      feed,
    );
  const rebuilt = rootOfMultiPath(
    (position) => leafOf(items[position] as ReadFeed["items"][number]),
    items.map(({ index }) => index),
    size,
    path,
  );
  if (rebuilt === undefined)
    throw refuse(
      "evidence.inclusion",
      `${field}.path`,
      "has other subtrees than these items leave open",
      feed,
    );
  if (!equalBytes(rebuilt, root))
    throw refuse("evidence.inclusion", `${field}.items`, "do not give the head's root", feed);
}

function leafOf({ salt, bytes }: ReadFeed["items"][number]): Uint8Array {
  return leafHash(commitmentBytes(salt, bytes));
}
