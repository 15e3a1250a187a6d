import { equalBytes, toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentOf, type Item } from "@anamnesis/sdk/core/entry";
import {
  appendLeaves,
  type ClosedNode,
  EMPTY_FRONTIER,
  type Frontier,
  leafHash,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import type { Difference } from "../api.ts";
import type { Clock } from "../ports.ts";
import { type Rooms, rightsOf } from "../rooms.ts";
import { openBlocks } from "../state/blocks.ts";
import { createMemory } from "../state/memory.ts";
import type { Registry } from "../state/registry.ts";
import { createProjection } from "./project.ts";

/** What the projection is made from. */
export interface ProjectPorts {
  readonly clock: Clock;
  readonly hasher: TypedDataHasher;
  readonly rooms: Pick<Rooms, "store" | "feeds" | "memory" | "contradictions">;
  /** What the chain says, read again. */
  readonly registry: Registry;
}

/** Items between two turns of the event loop: others have something to do, too. */
const ITEMS_A_TURN = 256;

/**
 * Projects every feed again from its stored items, holds the items against the feed's tree, and tells
 * where that leads to another memory than the one in use. Gives both memory hashes.
 */
export async function projectAgain(
  ports: ProjectPorts,
  tell: (difference: Difference) => void,
): Promise<{ readonly inUse: Bytes32; readonly rebuilt: Bytes32 }> {
  const { clock, hasher, registry, rooms } = ports;
  const { feeds } = rooms;
  const rights = rightsOf(registry, rooms.contradictions);
  const memory = createMemory(registry);
  const projection = createProjection({
    clock,
    hasher,
    memory,
    memberOf: (key) => registry.key(key)?.member,
    isRecorded: (uid) => registry.recordedUids.has(uid),
  });
  const read = new Map<Address, Frontier>();
  const broken = new Set<Address>();
  const torn = new Set<Address>();
  const blocks = openBlocks(rooms.store);

  /** An item as it lies in the store; a block that cannot be read has none. */
  function stored(feed: Address, index: number): Item | undefined {
    try {
      return blocks.item(feed, index);
    } catch {
      return undefined;
    }
  }

  /** The subtrees that an item closed, as they lie in the store; the first that is another is told. */
  function compareTree(feed: Address, closed: readonly ClosedNode[]): void {
    for (const { level, index, hash } of closed) {
      if (level === 0 || torn.has(feed)) continue;
      const kept = blocks.node(feed, level, index);
      if (equalBytes(kept, hash)) continue;
      torn.add(feed);
      tell(difference("feed.tree", feed, `subtree ${level}/${index}`, toHex(kept), toHex(hash)));
    }
  }

  /** The next item of a feed; false when there is none, or none that is whole. */
  function step(feed: Address): boolean {
    const frontier = read.get(feed) ?? EMPTY_FRONTIER;
    const index = frontier.size;
    if (index >= feeds.size(feed) || broken.has(feed)) return false;
    const item = stored(feed, index);
    if (item === undefined) {
      broken.add(feed);
      tell(difference("feed.item", feed, `item ${index}`, "none", `one of ${feeds.size(feed)}`));
      return false;
    }
    const grown = appendLeaves(frontier, [leafHash(commitmentOf(item))]);
    read.set(feed, grown.frontier);
    compareTree(feed, grown.closed);
    if (index < rights.limitOf(feed).size) projection.applyItem(feed, index, item);
    return true;
  }

  for (let again = true; again; ) {
    again = false;
    for (const { feed } of feeds.list()) {
      let steps = 0;
      while (steps < ITEMS_A_TURN && step(feed)) steps++;
      if (steps < ITEMS_A_TURN) continue;
      again = true;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  // Nothing waits from here on: what is compared belongs together.
  for (const { feed } of feeds.list()) {
    while (step(feed)); // what came meanwhile
    const frontier = read.get(feed);
    if (frontier === undefined || broken.has(feed) || torn.has(feed)) continue;
    const [items, tree] = [toHex(rootOf(frontier)), toHex(rootOf(feeds.frontier(feed)))];
    if (items !== tree) tell(difference("feed.tree", feed, `root at ${frontier.size}`, tree, items));
  }
  projection.retryFuture();
  const hashes = { inUse: rooms.memory.heldHash(), rebuilt: memory.heldHash() };
  if (hashes.inUse !== hashes.rebuilt)
    tell({
      kind: "memory.hash",
      field: "heldHash",
      here: hashes.inUse,
      there: hashes.rebuilt,
      mends: "nobody",
      message: `memory: the words in use hash to ${hashes.inUse}, the feeds read again to ${hashes.rebuilt}`,
    });
  return hashes;
}

function difference(
  kind: "feed.item" | "feed.tree",
  feed: Address,
  field: string,
  here: string,
  there: string,
): Difference {
  const message =
    kind === "feed.item"
      ? `feed ${feed}: ${field} is not in the store (${there}); stop the node and restore its store, peers still have it`
      : `feed ${feed}: the ${field} is ${here} by its tree and ${there} by its items`;
  return { kind, feed, field, here, there, mends: "nobody", message };
}
