import { equalBytes, fromHex, toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import type { Item } from "@anamnesis/sdk/core/entry";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import {
  type ClosedNode,
  consistencyPath,
  EMPTY_FRONTIER,
  type Frontier,
  frontierAt,
  type NodeReader,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import { type FeedMessage, MAX_ITEMS } from "@anamnesis/sdk/core/message";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Hex16, Store, StoreOp, VectorItem } from "../ports.ts";
import { openBlocks, stageBlocks } from "./blocks.ts";
import { blocksOf, feedKey, fromJson, rangeOf, toJson } from "./keys.ts";

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
  /** Reads a feed's complete subtrees. */
  node(feed: Address): NodeReader;
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
  /** The write that makes this the head of what is served, even if more is held; without one, nothing is served. */
  stageHead(feed: Address, head: SignedHead | undefined): { readonly op: StoreOp; done(): void };
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

/** How feeds lie in the store; another number is another layout. */
const LAYOUT = 2;

interface Persisted {
  /** Absent in the first layout. */
  readonly layout?: number;
  readonly size: number;
  readonly peaks: readonly string[];
  readonly head?: SignedHead;
}

/** Loads the feeds of a store. Throws `store.corrupt` for a store of another layout. */
export async function loadFeeds(store: Store): Promise<Feeds> {
  const feeds = new Map<Address, FeedState>();
  const blocks = openBlocks(store);
  let vectorHash: Bytes32 | undefined;

  for await (const [key, bytes] of store.entries(rangeOf("f/"))) {
    const { layout, size, peaks, head } = fromJson<Persisted>(bytes);
    const feed = key.slice(2) as Address;
    if (layout !== LAYOUT)
      throw new AnamnesisError(
        "store.corrupt",
        `feed ${feed} lies in the store in layout ${layout ?? 1}, this program reads ${LAYOUT}; move the data directory away and start again: peers hold the feeds`,
      );
    feeds.set(feed, { feed, frontier: { size, peaks: peaks.map(fromHex) }, ...(head && { head }) });
  }

  const frontier = (feed: Address): Frontier => feeds.get(feed)?.frontier ?? EMPTY_FRONTIER;

  const readerOf =
    (feed: Address): NodeReader =>
    (level, index) =>
      blocks.node(feed, level, index);

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

  const persist = (feed: Address, { size, peaks }: Frontier, head: SignedHead | undefined): StoreOp => {
    const persisted: Persisted = { layout: LAYOUT, size, peaks: peaks.map(toHex), ...(head && { head }) };
    return { type: "put", key: feedKey(feed), value: toJson(persisted) };
  };

  return {
    list: () => [...feeds.values()],
    size: (feed) => frontier(feed).size,
    frontier,
    head: (feed) => feeds.get(feed)?.head,
    node: readerOf,
    frontierAt: (feed, size) => frontierAt(readerOf(feed), size),
    item: blocks.item,
    items: (feed, start = 0) => blocks.items(feed, start),
    stage(feed, start, items, next, closed, head) {
      const complete = head !== undefined && head.size === next.size ? head : feeds.get(feed)?.head;
      const state = persist(feed, next, complete);
      const ops = [state, ...stageBlocks(feed, start, items, closed)];
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
      for await (const [key] of store.entries(blocksOf(feed))) ops.push({ type: "del", key });
      return {
        ops,
        done() {
          feeds.delete(feed);
          blocks.forget();
          vectorHash = undefined;
        },
      };
    },
    stageHead(feed, head) {
      return {
        op: persist(feed, frontier(feed), head),
        done() {
          feeds.set(feed, { feed, frontier: frontier(feed), ...(head && { head }) });
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
        const next = blocks.item(feed, i) as Item;
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
