/*
 * The state of a plant, opened from its store: everything a node shows is a projection of feeds and
 * chain, and this is where it is rebuilt. Used by the running node and by the command line on a stopped one.
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address } from "@anamnesis/sdk/core/types";
import type { FeedRights } from "./flows/admit.ts";
import { createProjection, type Effect, type Projection } from "./flows/project.ts";
import type { Clock, Store } from "./ports.ts";
import { type Archive, loadArchive } from "./state/archive.ts";
import { type Changes, loadChanges } from "./state/changes.ts";
import { type Contradictions, loadContradictions } from "./state/contradictions.ts";
import { type Detections, loadDetections } from "./state/detections.ts";
import { type Feeds, loadFeeds } from "./state/feeds.ts";
import { createMemory, type Memory } from "./state/memory.ts";
import { loadOrders, type Orders } from "./state/orders.ts";
import { loadOutbox, type Outbox } from "./state/outbox.ts";
import { createRegistry, type Registry } from "./state/registry.ts";
import { loadShelf, type Shelf } from "./state/shelf.ts";
import { createVaccinations, type Vaccinations } from "./state/vaccinations.ts";

/** The rooms of one plant's state. */
export interface Rooms {
  readonly store: Store;
  readonly feeds: Feeds;
  readonly changes: Changes;
  readonly detections: Detections;
  readonly registry: Registry;
  readonly memory: Memory;
  /** Records in the order of their newest versions. */
  readonly shelf: Shelf;
  readonly vaccinations: Vaccinations;
  readonly orders: Orders;
  readonly outbox: Outbox;
  /** Proofs kept for auditors. */
  readonly archive: Archive;
  readonly projection: Projection;
  readonly rights: FeedRights;
  /** Keys seen to sign two histories. */
  readonly contradictions: Contradictions;
  /** Projects all feeds anew, in one go: at start, and when membership changed. */
  rebuild(): void;
  /** Stances that beat a no of the same member when all feeds were projected last. */
  contested(): readonly Effect[];
  /**
   * Forgets closed keys' feeds of which another history was anchored than the one held here: the
   * anchored one is fetched again. Tells whether there were any; then `rebuild`.
   */
  forgetUnanchored(): Promise<boolean>;
  /** Forgets what is held of a feed; then `rebuild`. */
  forget(feed: Address): Promise<void>;
  /** Whether a feed counts further, or less far, than when all feeds were projected last. */
  isOutdated(): boolean;
}

/** Opens the rooms over a store and rebuilds memory. `blindingKey` is 32 bytes or not known yet. */
export async function openRooms(
  store: Store,
  hasher: TypedDataHasher,
  clock: Clock,
  blindingKey: Uint8Array | undefined,
): Promise<Rooms> {
  const feeds = await loadFeeds(store);
  const changes = await loadChanges(store);
  const detections = await loadDetections(store);
  const registry = await createRegistry(store);
  const vaccinations = await createVaccinations(store);
  const orders = await loadOrders(store);
  const outbox = await loadOutbox(store);
  const archive = await loadArchive(store);
  const memory = createMemory(registry);
  if (blindingKey !== undefined) memory.setBlindingKey(blindingKey);
  const projection = createProjection({
    clock,
    hasher,
    memory,
    memberOf: (key) => registry.key(key)?.member,
    isRecorded: (uid) => registry.recordedUids.has(uid),
  });
  const shelf = await loadShelf(store, { memory, clock });
  const contradictions = await loadContradictions(store);
  const rights = rightsOf(registry, contradictions);

  const limits = new Map<Address, number>();

  let contested: Effect[] = [];

  async function forgetUnanchored(): Promise<boolean> {
    let forgotten = false;
    for (const { feed } of feeds.list()) {
      const { size, root, code } = rights.limitOf(feed);
      if (code !== "feed.closed" || root === undefined || feeds.size(feed) < size) continue;
      if (toHex(rootOf(feeds.frontierAt(feed, size))) === root) continue;
      await forget(feed);
      forgotten = true;
    }
    return forgotten;
  }

  async function forget(feed: Address): Promise<void> {
    const { ops, done } = await feeds.stageDrop(feed);
    await store.commit(ops);
    done();
  }

  function rebuild(): void {
    contested = [];
    memory.clear();
    projection.clear();
    for (const { feed } of feeds.list()) {
      const limit = rights.limitOf(feed).size;
      limits.set(feed, limit);
      const end = Math.min(feeds.size(feed), limit);
      for (let index = 0; index < end; index++) {
        const item = feeds.item(feed, index);
        const effect = item === undefined ? undefined : projection.applyItem(feed, index, item);
        const { winner, beaten } = effect?.stance ?? {};
        if (effect !== undefined && winner?.register.stance === 1 && (beaten?.register.stance ?? 1) !== 1)
          contested.push(effect);
      }
    }
  }

  await forgetUnanchored();
  rebuild();
  return {
    store,
    feeds,
    changes,
    detections,
    registry,
    memory,
    shelf,
    vaccinations,
    orders,
    outbox,
    archive,
    projection,
    rights,
    contradictions,
    rebuild,
    contested: () => contested,
    forgetUnanchored,
    forget,
    isOutdated: () =>
      feeds.list().some(({ feed }) => {
        const limit = rights.limitOf(feed).size;
        return limit !== (limits.get(feed) ?? Number.POSITIVE_INFINITY) && limit !== Number.POSITIVE_INFINITY;
      }),
  };
}

/**
 * An open key's feed counts without end, in quarantine up to what was held when its two histories were
 * seen; any other key's up to what it had anchored (DESIGN §5).
 */
export function rightsOf(registry: Registry, contradictions: Contradictions): FeedRights {
  return {
    limitOf(feed: Address) {
      const { size = 0, root } = registry.anchored(feed) ?? {};
      const anchored = { size, ...(root && { root }) };
      switch (registry.keyState(feed)) {
        case "open": {
          const seen = contradictions.of(feed);
          if (seen !== undefined) return { size: seen.size, code: "feed.equivocation" };
          return { size: Number.POSITIVE_INFINITY };
        }
        case "suspended":
          return { ...anchored, code: "attestation.suspended" };
        case "unknown":
          return { size: 0, code: "feed.unknown" };
        default:
          return { ...anchored, code: "feed.closed" };
      }
    },
  };
}
