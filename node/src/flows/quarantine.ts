/*
 * A key that signed two histories. Its feed is taken no further from the moment its two heads are seen,
 * over restarts, too; whoever holds the greater history is asked for the path that proves it, again and
 * again, and any member may report the proof. The chain closes the key, and its word counts from then on.
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isContradiction } from "@anamnesis/sdk/core/equivocation";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import { verifyHead } from "@anamnesis/sdk/core/message";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Chain, EquivocationProof, Log, Peers, Store } from "../ports.ts";
import type { Contradiction, Contradictions } from "../state/contradictions.ts";
import type { Feeds } from "../state/feeds.ts";
import type { Registry } from "../state/registry.ts";

/** Ports of the quarantine. */
export interface QuarantinePorts {
  readonly log: Log;
  readonly store: Store;
  readonly feeds: Feeds;
  readonly contradictions: Contradictions;
  readonly registry: Pick<Registry, "keys" | "key" | "keyState">;
  readonly hasher: TypedDataHasher;
  readonly peers: Pick<Peers, "connected" | "prove">;
  readonly chain: Pick<Chain, "anchoredHead">;
  /** This node's own key: it is never accused from here. */
  readonly self: Address;
  /** Two histories under this node's own key. */
  onOwn(reason: string): void;
  onProved(proof: EquivocationProof): void;
}

/** Feeds in quarantine. */
export interface Quarantine {
  /** Two verified heads of one feed that belong to no one history; `from` brought the second. */
  suspect(held: SignedHead, claimed: SignedHead, from?: Address): Promise<void>;
  /** Proofs that the chain has not judged yet. */
  proofs(): Iterable<EquivocationProof>;
  /** Feeds that are taken no further because of what was seen here, with what is still missing. */
  open(): readonly { readonly feed: Address; readonly isProved: boolean }[];
  /** Once a second: what is not proved is tried again, and what was anchored is held against what is held. */
  tick(): Promise<void>;
}

/** Creates the quarantine over what the store has kept. */
export function createQuarantine(ports: QuarantinePorts): Quarantine {
  const { feeds, registry, contradictions, log } = ports;
  /** Anchored sizes that were compared, by feed. */
  const compared = new Map<Address, number>();
  const proving = new Set<Address>();

  const isUnjudged = (feed: Address): boolean => {
    const state = registry.keyState(feed);
    return state === "open" || state === "suspended";
  };

  const unjudged = () => [...contradictions.all()].filter(({ a }) => isUnjudged(a.feed));

  async function keep(contradiction: Contradiction): Promise<void> {
    const { op, done } = contradictions.stage(contradiction);
    // Counts at once, and is seen again if the disk takes it not.
    done();
    await ports.store.commit([op]);
  }

  async function suspect(held: SignedHead, claimed: SignedHead, from?: Address): Promise<void> {
    const { feed } = claimed;
    if (feed === ports.self)
      return ports.onOwn(
        `another history of this node's feed is signed with its key (${claimed.size} entries)`,
      );
    if (contradictions.of(feed) !== undefined) return;
    const [a, b] = held.size <= claimed.size ? [held, claimed] : [claimed, held];
    log.error("feed.quarantined", { code: "feed.equivocation", feed, sizes: `${a.size} and ${b.size}` });
    await keep({ a, b, size: feeds.size(feed) });
    await prove(feed, from);
  }

  /** Whether everything under this head is held here. */
  function holds({ feed, size, root }: SignedHead): boolean {
    return feeds.size(feed) >= size && toHex(rootOf(feeds.frontierAt(feed, size))) === root;
  }

  async function prove(feed: Address, from?: Address): Promise<void> {
    const one = contradictions.of(feed);
    if (one === undefined || one.path !== undefined || proving.has(feed)) return;
    proving.add(feed);
    try {
      const { a, b } = one;
      for await (const path of pathsOf(a, b, from)) {
        if (!isContradiction(a, b, path)) continue; // not that history, or a lie
        await keep({ ...one, path });
        log.warn("feed.proved", { feed });
        return ports.onProved({ a, b, path });
      }
      log.debug("feed.unproved", { feed });
    } finally {
      proving.delete(feed);
    }
  }

  /** Paths from the smaller to the greater head: one's own, or what peers say, the bringer first. */
  async function* pathsOf(a: SignedHead, b: SignedHead, from?: Address): AsyncGenerator<readonly Bytes32[]> {
    if (a.size === b.size) return yield [];
    if (holds(b)) return yield feeds.prove(b.feed, a.size, b.size);
    const others = ports.peers.connected().filter((peer) => peer !== from);
    for (const peer of from === undefined ? others : [from, ...others]) {
      try {
        yield await ports.peers.prove(peer, b.feed, a.size, b.size);
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        log.debug("feed.unproved", { feed: b.feed, peer, code: error.code });
      }
    }
  }

  /** What was anchored is a signed head, too: one of another history than is held here contradicts it. */
  async function compareAnchored(feed: Address): Promise<void> {
    const { anchored, anchoredAtBlock } = registry.key(feed) ?? {};
    const held = feeds.head(feed);
    if (anchored === undefined || anchoredAtBlock === undefined || held === undefined) return;
    if (compared.get(feed) === anchored.size || held.size < anchored.size || !isUnjudged(feed)) return;
    compared.set(feed, anchored.size);
    if (toHex(rootOf(feeds.frontierAt(feed, anchored.size))) === anchored.root) return;
    try {
      const claimed = await ports.chain.anchoredHead(feed, anchored.size, anchoredAtBlock);
      if (claimed !== undefined && verifyHead(ports.hasher, claimed)) await suspect(held, claimed);
      else log.error("feed.fork", { code: "feed.equivocation", feed, size: anchored.size, held: held.size });
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      compared.delete(feed); // the chain was away: again with the next look
    }
  }

  return {
    suspect,
    proofs: () => unjudged().flatMap(({ a, b, path }) => (path === undefined ? [] : [{ a, b, path }])),
    open: () => unjudged().map(({ a, path }) => ({ feed: a.feed, isProved: path !== undefined })),
    async tick() {
      for (const feed of registry.keys()) await compareAnchored(feed);
      for (const { a, path } of unjudged()) if (path === undefined) await prove(a.feed);
    },
  };
}
