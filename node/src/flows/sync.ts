/*
 * Sync: once a second every peer says what it has, and whatever is missing is fetched from whoever
 * has it. One round trip when nothing is missing. It also answers the question that must come before
 * the first signature after a start: how long is my own feed?
 */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { encodeMessage } from "@anamnesis/sdk/core/message";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Clock, EquivocationProof, Have, HaveAnswer, Log, Peers, VectorItem } from "../ports.ts";
import type { Feeds } from "../state/feeds.ts";
import type { Admit } from "./admit.ts";

/** Bytes of items asked for in one page. */
const PAGE_BYTES = 524_288;
/** How long the greatest answer about one's own feed is waited for, ms (DESIGN §5). */
export const OWN_SIZE_WAIT_MS = 2000;

/** Ports of sync. */
export interface SyncPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly feeds: Feeds;
  readonly peers: Peers;
  readonly admit: Admit;
  readonly self: Address;
  readonly identity: { readonly genesisHash: Bytes32; readonly registry: Address };
  /** Feeds of keys that are or were a member's. */
  isKnownFeed(feed: Address): boolean;
  /** Somebody else extends this node's own feed. */
  onClone(reason: string): void;
  /** A peer answered a `have`: what it said of this node's own feed, 0 when it has none. */
  onOwnSize(peer: Address, size: number): void;
  onEquivocation(proof: EquivocationProof): void;
}

/** Sync with peers. */
export interface Sync {
  /** Asks one peer what it has and fetches what is missing here. */
  with(peer: Address): Promise<void>;
  /** Asks every connected peer, each at most once at a time. */
  all(): Promise<void>;
  /** A gap was seen: fetch this feed from this peer now. */
  fill(peer: Address, feed: Address): void;
  /** Own feed may be taken back from peers until its size is known. */
  setRestoring(restoring: boolean): void;
  /** Two heads of a feed do not agree: get the path that proves it and report. */
  prove(peer: Address, held: SignedHead, claimed: SignedHead): Promise<void>;
  onHave(have: Have): HaveAnswer;
  onGet(feed: Address, start: number, maxBytes: number): readonly Uint8Array[];
}

/** Creates sync. */
export function createSync(ports: SyncPorts): Sync {
  const { feeds, peers, log } = ports;
  const asking = new Set<Address>();
  const filling = new Set<Address>();
  let restoring = true;

  function have(): Have {
    return { ...ports.identity, vectorHash: feeds.vectorHash() };
  }

  async function fetch(peer: Address, feed: Address): Promise<void> {
    if (filling.has(feed)) return;
    filling.add(feed);
    try {
      for (;;) {
        const before = feeds.size(feed);
        const messages = await peers.get(peer, feed, before, PAGE_BYTES);
        for (const message of messages) {
          const verdict = await ports.admit.message(peer, message, { own: restoring && feed === ports.self });
          if (verdict.verdict !== "accept") return;
        }
        if (feeds.size(feed) === before) return;
      }
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.debug("sync.interrupted", { peer, feed, code: error.code });
    } finally {
      filling.delete(feed);
    }
  }

  async function take(peer: Address, items: readonly VectorItem[]): Promise<void> {
    const own = items.find((item) => item.feed === ports.self);
    if (own !== undefined && own.size > feeds.size(ports.self)) {
      if (restoring) await fetch(peer, ports.self);
      else
        ports.onClone(
          `peer ${peer} holds ${own.size} entries of this feed, ${feeds.size(ports.self)} were written here`,
        );
    }
    ports.onOwnSize(peer, own?.size ?? 0);
    const missing = items.filter(
      (item) => item.feed !== ports.self && item.size > feeds.size(item.feed) && ports.isKnownFeed(item.feed),
    );
    await Promise.all(missing.map((item) => fetch(peer, item.feed)));
  }

  async function ask(peer: Address): Promise<void> {
    if (asking.has(peer)) return;
    asking.add(peer);
    try {
      const answer = await peers.have(peer, have());
      if (answer.answer === "vector") await take(peer, answer.items);
      else if (answer.answer === "same") ports.onOwnSize(peer, feeds.head(ports.self)?.size ?? 0);
      else log.warn("sync.foreign", { peer, reason: answer.reason });
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.debug("sync.failed", { peer, code: error.code });
    } finally {
      asking.delete(peer);
    }
  }

  return {
    with: ask,
    all: async () => void (await Promise.all(peers.connected().map(ask))),
    fill: (peer, feed) => void fetch(peer, feed),
    setRestoring: (value) => {
      restoring = value;
    },
    async prove(peer, held, claimed) {
      const [a, b] = held.size <= claimed.size ? [held, claimed] : [claimed, held];
      try {
        const path =
          a.size === b.size
            ? []
            : b === held
              ? feeds.prove(b.feed, a.size, b.size)
              : await peers.prove(peer, b.feed, a.size, b.size);
        ports.onEquivocation({ a, b, path });
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        log.warn("feed.unproved", { feed: held.feed, code: error.code });
      }
    },
    onHave(asked) {
      if (asked.genesisHash !== ports.identity.genesisHash || asked.registry !== ports.identity.registry) {
        return { answer: "foreign", reason: "another chain or another registry" };
      }
      if (asked.vectorHash === feeds.vectorHash()) return { answer: "same" };
      return { answer: "vector", items: feeds.vector() };
    },
    onGet(feed, start, maxBytes) {
      const message = feeds.message(feed, start, Math.min(maxBytes, PAGE_BYTES));
      return message === undefined ? [] : [encodeMessage(message)];
    },
  };
}

/** Refuses a `prove` that this node cannot answer. Throws `feed.unknown`. */
export function proveFrom(feeds: Feeds, feed: Address, m: number, n: number): readonly Bytes32[] {
  if (m < 1 || m >= n || n > feeds.size(feed)) {
    throw new AnamnesisError("feed.unknown", `feed ${feed} is not held here up to ${n} leaves`);
  }
  return feeds.prove(feed, m, n);
}
