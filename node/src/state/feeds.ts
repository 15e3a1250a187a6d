import { concat, equalBytes, fromHex, toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { commitmentOf, type Item } from "@anamnesis/sdk/core/entry";
import { sha256 } from "@anamnesis/sdk/core/hash";
import {
  type ClosedNode,
  consistencyPath,
  EMPTY_FRONTIER,
  type Frontier,
  frontierAt,
  leafHash,
  type NodeReader,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import { type FeedMessage, MAX_ITEMS } from "@anamnesis/sdk/core/message";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Hex16, Store, StoreOp, VectorItem } from "../ports.ts";
import { feedKey, fromJson, itemKey, nodeKey, rangeOf, toJson } from "./keys.ts";

/** A feed as held here. */
export interface FeedState {
  readonly feed: Address;
  /** The open edge of what is held. */
  readonly frontier: Frontier;
  /** The newest head under which everything is held; absent until there is one. */
  readonly head?: SignedHead;
}

/** All feeds this node holds: its own and its peers'. Held means synced to disk. */
export interface Feeds {
  list(): readonly FeedState[];
  size(feed: Address): number;
  frontier(feed: Address): Frontier;
  head(feed: Address): SignedHead | undefined;
  /** The frontier the feed had at an earlier size. */
  frontierAt(feed: Address, size: number): Frontier;
  item(feed: Address, index: number): Item | undefined;
  /** Items in order, from `start` on. */
  items(feed: Address, start?: number): AsyncIterable<readonly [number, Item]>;
  /** Writes that append verified items; `done` makes them visible and is called after the commit. */
  stage(
    feed: Address,
    start: number,
    items: readonly Item[],
    frontier: Frontier,
    closed: readonly ClosedNode[],
    head?: SignedHead,
  ): { readonly ops: readonly StoreOp[]; done(): void };
  /** Writes that take a whole feed out; `done` forgets it and is called after the commit. */
  stageDrop(feed: Address): Promise<{ readonly ops: readonly StoreOp[]; done(): void }>;
  /** A head over everything held, as just signed by this node. Not persisted: it can be signed again. */
  setHead(head: SignedHead): void;
  /** The stretch from `start` on that proves itself, at most maxBytes of items; undefined when there is none. */
  message(feed: Address, start: number, maxBytes: number): FeedMessage | undefined;
  /** Unabridged RFC 9162 path m → n, for equivocation proofs. */
  prove(feed: Address, m: number, n: number): readonly Bytes32[];
  vector(): readonly VectorItem[];
  /** SHA-256 over the sorted vector. */
  vectorHash(): Bytes32;
}

interface Persisted {
  readonly size: number;
  readonly peaks: readonly string[];
  readonly head?: SignedHead;
}

/** Loads the feeds of a store. */
export async function loadFeeds(store: Store): Promise<Feeds> {
  const feeds = new Map<Address, FeedState>();
  let vectorHash: Bytes32 | undefined;

  for await (const [key, bytes] of store.entries(rangeOf("f/"))) {
    const { size, peaks, head } = fromJson<Persisted>(bytes);
    const feed = key.slice(2) as Address;
    feeds.set(feed, { feed, frontier: { size, peaks: peaks.map(fromHex) }, ...(head && { head }) });
  }

  const frontier = (feed: Address): Frontier => feeds.get(feed)?.frontier ?? EMPTY_FRONTIER;

  function item(feed: Address, index: number): Item | undefined {
    const bytes = store.get(itemKey(feed, index));
    return bytes === undefined ? undefined : decodeItem(bytes);
  }

  function readerOf(feed: Address): NodeReader {
    return (level, index) => {
      if (level === 0) return leafHash(commitmentOf(item(feed, index) as Item));
      return store.get(nodeKey(feed, level, index)) as Uint8Array;
    };
  }

  function vector(): VectorItem[] {
    return [...feeds.values()]
      .filter((state) => state.head !== undefined)
      .map(({ feed, head }) => ({
        feed,
        size: head?.size ?? 0,
        root8: (head?.root ?? "0x").slice(0, 18) as Hex16,
      }))
      .sort((a, b) => (a.feed < b.feed ? -1 : 1));
  }

  return {
    list: () => [...feeds.values()],
    size: (feed) => frontier(feed).size,
    frontier,
    head: (feed) => feeds.get(feed)?.head,
    frontierAt: (feed, size) => frontierAt(readerOf(feed), size),
    item,
    async *items(feed, start = 0) {
      let index = start;
      for await (const [, bytes] of store.entries({ gte: itemKey(feed, start), lt: `e/${feed}/\uffff` })) {
        yield [index++, decodeItem(bytes)];
      }
    },
    stage(feed, start, items, next, closed, head) {
      const complete = head !== undefined && head.size === next.size ? head : feeds.get(feed)?.head;
      const persisted: Persisted = {
        size: next.size,
        peaks: next.peaks.map(toHex),
        ...(complete && { head: complete }),
      };
      const ops: StoreOp[] = [{ type: "put", key: feedKey(feed), value: toJson(persisted) }];
      items.forEach((each, i) => {
        ops.push({ type: "put", key: itemKey(feed, start + i), value: encodeItem(each) });
      });
      for (const { level, index, hash } of closed) {
        if (level > 0) ops.push({ type: "put", key: nodeKey(feed, level, index), value: hash });
      }
      return {
        ops,
        done() {
          feeds.set(feed, { feed, frontier: next, ...(complete && { head: complete }) });
          vectorHash = undefined;
        },
      };
    },
    async stageDrop(feed) {
      const ops: StoreOp[] = [{ type: "del", key: feedKey(feed) }];
      for (const room of [`e/${feed}/`, `n/${feed}/`]) {
        for await (const [key] of store.entries(rangeOf(room))) ops.push({ type: "del", key });
      }
      return {
        ops,
        done() {
          feeds.delete(feed);
          vectorHash = undefined;
        },
      };
    },
    setHead(head) {
      const held = frontier(head.feed);
      if (held.size !== head.size || !equalBytes(rootOf(held), fromHex(head.root))) return;
      feeds.set(head.feed, { feed: head.feed, frontier: held, head });
      vectorHash = undefined;
    },
    message(feed, start, maxBytes) {
      const head = feeds.get(feed)?.head;
      if (head === undefined || start >= head.size) return undefined;
      const items: Item[] = [];
      let bytes = 0;
      for (let i = start; i < head.size && items.length < MAX_ITEMS; i++) {
        const next = item(feed, i) as Item;
        bytes += "entry" in next ? next.entry.length + 37 : 64;
        if (items.length > 0 && bytes > maxBytes) break;
        items.push(next);
      }
      const node = readerOf(feed);
      const end = start + items.length;
      const path = end === head.size ? [] : consistencyPath(node, end, head.size);
      return { feed, start, peaks: frontierAt(node, start).peaks, items, path, head };
    },
    prove: (feed, m, n) => consistencyPath(readerOf(feed), m, n, true).map((hash) => toHex(hash) as Bytes32),
    vector,
    vectorHash() {
      vectorHash ??= toHex(sha256(utf8(JSON.stringify(vector())))) as Bytes32;
      return vectorHash;
    },
  };
}

function encodeItem(item: Item): Uint8Array {
  return "commitment" in item
    ? concat(Uint8Array.of(1), item.commitment, utf8(item.reason))
    : concat(Uint8Array.of(0), item.salt, item.entry);
}

function decodeItem(bytes: Uint8Array): Item {
  const first = bytes.subarray(1, 33);
  const rest = bytes.subarray(33);
  return bytes[0] === 1
    ? { commitment: first, reason: new TextDecoder().decode(rest) }
    : { salt: first, entry: rest };
}
