/* A plant's own feed over a store on disk, without the plant around it. */
import { randomBytes } from "node:crypto";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Entry, IndicatorId } from "@anamnesis/sdk/core/types";
import { createSigner } from "../../node/src/adapters/keys/signer.ts";
import { type ClosableStore, openLevelStore } from "../../node/src/adapters/store/level.ts";
import { systemRandomness } from "../../node/src/adapters/system.ts";
import { createOwnFeed, type OwnFeed } from "../../node/src/flows/append.ts";
import { loadChanges } from "../../node/src/state/changes.ts";
import { type Feeds, loadFeeds } from "../../node/src/state/feeds.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Entries that are appended together, and records of one sync on the bare side. */
export const GROUP = 100;
/** Groups that are appended before the first of them is acknowledged. */
export const WINDOW = 16;

const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"11".repeat(20)}` as Address });
const signer = createSigner(keccak256(Uint8Array.of(9)), hasher);

/** The key whose feed it is. */
export const FEED = signer.address;

/** Opens the feed in a directory, ready to append. */
export async function openFeed(
  directory: string,
): Promise<{ readonly store: ClosableStore; readonly feeds: Feeds; readonly feed: OwnFeed }> {
  const store = await openLevelStore(directory, SILENT);
  const feeds = await loadFeeds(store);
  const feed = createOwnFeed({
    store,
    feeds,
    changes: await loadChanges(store),
    signer,
    randomness: systemRandomness,
    peers: { broadcast() {} },
    log: SILENT,
    isForAll: () => true,
    project() {},
  });
  feed.open();
  return { store, feeds, feed };
}

/** Seals and appends entries group by group; `onAcknowledged` hears of each group when it is durable. */
export async function appendAll(
  feed: OwnFeed,
  entries: readonly Entry[],
  onAcknowledged: (count: number) => void = () => {},
): Promise<void> {
  const waiting: Promise<void>[] = [];
  for (let i = 0; i < entries.length; i += GROUP) {
    const sealed = entries.slice(i, i + GROUP).map(feed.seal);
    waiting.push(feed.append(sealed).then(() => onAcknowledged(sealed.length)));
    if (waiting.length > WINDOW) await waiting.shift();
  }
  await Promise.all(waiting);
}

/** A sighting of a random indicator, incompressible where it matters, with its place as count. */
export function entryOf(index: number): Entry {
  return {
    at: 1_795_000_000_000 + index,
    tlp: "amber",
    kind: "sighting",
    body: {
      indicator: toHex(randomBytes(32)) as IndicatorId,
      firstMs: 1_795_000_000_000,
      lastMs: 1_795_000_000_000 + index,
      count: index + 1,
    },
  };
}
