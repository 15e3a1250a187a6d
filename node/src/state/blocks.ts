/*
 * How a feed lies in the store: in blocks, each a stretch [start, start + count) of items together with
 * the complete subtrees that these items closed. One key holds up to 64 entries and their tree.
 *
 * count is a power of two and start a multiple of it, like the subtrees of the tree itself: item i lies in
 * the block with the greatest start ≤ i, and that start is i with some of its low six bits cleared.
 *
 *   count u8 · nodes of level ≥ 1 in the order in which the items closed them, 32 each · items in wire form
 */
import { commitmentOf, type Item } from "@anamnesis/sdk/core/entry";
import { itemLength, readItem, writeItem } from "@anamnesis/sdk/core/item";
import { type ClosedNode, innerCount, leafHash } from "@anamnesis/sdk/core/merkle";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Store, StoreOp } from "../ports.ts";
import { blockKey, blocksOf } from "./keys.ts";

/** Items in one block at most, a power of two. */
const MAX_COUNT = 64;
/** Bytes of items in a block of more than one at most. */
const MAX_BYTES = 65_536;

interface Block {
  readonly start: number;
  readonly items: readonly Item[];
  /** The closed subtrees, 32 bytes each. */
  readonly nodes: Uint8Array;
}

/** Reads what `stageBlocks` wrote. The store holds every feed from its first item on, without gaps. */
export interface Blocks {
  item(feed: Address, index: number): Item | undefined;
  /** A complete subtree's hash, level 0 the leaf itself; it must be held. */
  node(feed: Address, level: number, index: number): Uint8Array;
  /** Items in order, from `start` on. */
  items(feed: Address, start: number): AsyncIterable<readonly [number, Item]>;
  /** Nothing read before is remembered. */
  forget(): void;
}

/** The writes that append items to a feed of `start` entries; `closed` are the subtrees they close, in order. */
export function stageBlocks(
  feed: Address,
  start: number,
  items: readonly Item[],
  closed: readonly ClosedNode[],
): StoreOp[] {
  const nodes = closed.filter(({ level }) => level > 0);
  const lengths = items.map(itemLength);
  const ops: StoreOp[] = [];
  let node = 0;
  for (let from = 0; from < items.length; ) {
    const at = start + from;
    const count = countAt(at, items.length - from, lengths, from);
    let bytes = 0;
    for (let i = from; i < from + count; i++) bytes += lengths[i] as number;
    const nodeEnd = node + innerCount(at + count) - innerCount(at);
    const value = new Uint8Array(1 + 32 * (nodeEnd - node) + bytes);
    value[0] = count;
    let end = 1;
    for (; node < nodeEnd; node++, end += 32) value.set((nodes[node] as ClosedNode).hash, end);
    for (let i = from; i < from + count; i++) end = writeItem(value, end, items[i] as Item);
    ops.push({ type: "put", key: blockKey(feed, at), value });
    from += count;
  }
  return ops;
}

/** Opens the blocks of a store for reading. */
export function openBlocks(store: Store): Blocks {
  // Feeds are read forwards: the last block answers nearly always.
  let last: { readonly feed: Address; readonly block: Block } | undefined;

  function find(feed: Address, index: number): Block | undefined {
    if (last?.feed === feed && covers(last.block, index)) return last.block;
    for (const start of startsFor(index)) {
      const value = store.get(blockKey(feed, start));
      if (value === undefined) continue;
      const block = decode(start, value);
      if (!covers(block, index)) return undefined; // beyond what is held
      last = { feed, block };
      return block;
    }
    return undefined;
  }

  function item(feed: Address, index: number): Item | undefined {
    const block = find(feed, index);
    return block?.items[index - block.start];
  }

  return {
    item,
    node(feed, level, index) {
      if (level === 0) return leafHash(commitmentOf(item(feed, index) as Item));
      const closer = (index + 1) * 2 ** level - 1; // its last leaf closed it
      const { start, nodes } = find(feed, closer) as Block;
      const at = 32 * (innerCount(closer) - innerCount(start) + level - 1);
      return nodes.subarray(at, at + 32);
    },
    async *items(feed, start) {
      const first = find(feed, start)?.start ?? start;
      for await (const [key, value] of store.entries({ ...blocksOf(feed), gte: blockKey(feed, first) })) {
        const block = decode(Number(key.slice(key.lastIndexOf("/") + 1)), value);
        for (let i = Math.max(0, start - block.start); i < block.items.length; i++)
          yield [block.start + i, block.items[i] as Item];
      }
    },
    forget() {
      last = undefined;
    },
  };
}

/** Where a block that holds this item may start, the nearest first. */
function* startsFor(index: number): Generator<number> {
  let start = index;
  yield start;
  for (let width = 2; width <= MAX_COUNT; width *= 2) {
    if (start % width === 0) continue;
    start -= start % width;
    yield start;
  }
}

function covers({ start, items }: Block, index: number): boolean {
  return index >= start && index < start + items.length;
}

/** The largest block that may start here and fits. */
function countAt(start: number, left: number, lengths: readonly number[], from: number): number {
  let count = 1;
  let bytes = lengths[from] as number;
  while (2 * count <= MAX_COUNT && 2 * count <= left && start % (2 * count) === 0) {
    for (let i = from + count; i < from + 2 * count; i++) bytes += lengths[i] as number;
    if (bytes > MAX_BYTES) break;
    count *= 2;
  }
  return count;
}

function decode(start: number, value: Uint8Array): Block {
  const count = value[0] as number;
  const nodesEnd = 1 + 32 * (innerCount(start + count) - innerCount(start));
  const items: Item[] = [];
  for (let at = nodesEnd; items.length < count; ) {
    const { item, end } = readItem(value, at);
    items.push(item);
    at = end;
  }
  return { start, items, nodes: value.subarray(1, nodesEnd) };
}
