/*
 * Sync: once a second every peer says what it has, and whatever is missing is fetched from whoever
 * has it. One round trip when nothing is missing. It also answers the question that must come before
 * the first signature after a start: how long is my own feed?
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import { decodeMessage, encodeMessage, verifyHead } from "@anamnesis/sdk/core/message";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import type { Clock, Have, HaveAnswer, Log, Peers, VectorItem } from "../ports.ts";
import type { Feeds } from "../state/feeds.ts";
import type { Admit } from "./admit.ts";
import type { Egress } from "./egress.ts";
import { createFirstSync } from "./first-sync.ts";
import { createRivals } from "./rivals.ts";

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
  readonly identity: Pick<Have, "genesisHash" | "registry" | "session">;
  readonly hasher: TypedDataHasher;
  readonly egress: Pick<Egress, "forPeer">;
  /** How far a feed counts: nothing of a stranger's, an open key's without end. */
  limitOf(feed: Address): number;
  /** Another process speaks with this node's key, says a peer, and spoke first. */
  onRival(peer: Address): void;
  /** Somebody else extends this node's own feed. */
  onClone(reason: string): void;
  /** A peer answered a `have`: what it said of this node's own feed, 0 when it has none. */
  onOwnSize(peer: Address, size: number): void;
}

/** Sync with peers. */
export interface Sync {
  /** Asks one peer what it has and fetches what is missing here. */
  with(peer: Address): Promise<void>;
  /** Asks every connected peer, each at most once at a time. */
  all(): Promise<void>;
  /** Resolves with true when all that peers told of is held, with false when nothing has come for `quietMs`, ms. */
  first(quietMs: number): Promise<boolean>;
  /** A gap was seen: fetch this feed from this peer now. */
  fill(peer: Address, feed: Address): void;
  /** Own feed may be taken back from peers until its size is known. */
  setRestoring(restoring: boolean): void;
  onHave(from: Address, have: Have): HaveAnswer;
  onGet(from: Address, feed: Address, start: number, maxBytes: number): readonly Uint8Array[];
}

/** Creates sync. */
export function createSync(ports: SyncPorts): Sync {
  const { feeds, peers, log } = ports;
  const asking = new Set<Address>();
  const filling = new Set<Address>();
  const rivals = createRivals(ports);
  const seenMissing = new Set<Address>();
  let restoring = true;
  const first = createFirstSync(
    (item) => item.feed !== ports.self && isMissing(item),
    () => void all(),
  );

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
        first.fetched();
      }
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.debug("sync.interrupted", { peer, feed, code: error.code });
    } finally {
      filling.delete(feed);
    }
  }

  async function take(peer: Address, items: readonly VectorItem[]): Promise<void> {
    await takeOwn(peer, items.find((item) => item.feed === ports.self)?.size ?? 0);
    const wanted = items.filter(
      (item) => item.feed !== ports.self && ((isMissing(item) && isDue(peer, item)) || isForked(item)),
    );
    await Promise.all(wanted.map((item) => (isMissing(item) ? fetch(peer, item.feed) : compare(peer, item))));
  }

  function isMissing({ feed, size }: VectorItem): boolean {
    const held = feeds.size(feed);
    return size > held && held < ports.limitOf(feed);
  }

  /** The origin is asked first, since only it may serve everything; whoever else has it, a second later. */
  function isDue(peer: Address, { feed }: VectorItem): boolean {
    if (peer === feed || seenMissing.delete(feed) || !peers.connected().includes(feed)) return true;
    seenMissing.add(feed);
    return false;
  }

  /** An open key's feed of which the peer holds another past. */
  function isForked({ feed, size, root8 }: VectorItem): boolean {
    if (size === 0 || size > feeds.size(feed) || ports.limitOf(feed) !== Number.POSITIVE_INFINITY)
      return false;
    return toHex(rootOf(feeds.frontierAt(feed, size))).slice(0, 18) !== root8;
  }

  /** Asks for the head of the other past; admission notices that it does not fit. */
  async function compare(peer: Address, { feed, size }: VectorItem): Promise<void> {
    for (const message of await peers.get(peer, feed, size - 1, 1)) await ports.admit.message(peer, message);
  }

  /** What a peer says of this node's own feed counts as far as it has this node's signature on it. */
  async function takeOwn(peer: Address, claimed: number): Promise<void> {
    const { self } = ports;
    if (claimed > feeds.size(self) && restoring) await fetch(peer, self);
    if (claimed <= feeds.size(self)) return ports.onOwnSize(peer, claimed);
    const proven = await provenSize(peer);
    if (proven <= feeds.size(self)) {
      log.warn("sync.unproven", { peer, claimed });
      return;
    }
    ports.onOwnSize(peer, proven);
    if (!restoring)
      ports.onClone(
        `peer ${peer} holds ${proven} signed entries of this feed, ${feeds.size(self)} were written here`,
      );
  }

  async function provenSize(peer: Address): Promise<number> {
    let greatest = 0;
    for (const bytes of await peers.get(peer, ports.self, feeds.size(ports.self), 1)) {
      const { head } = decodeMessage(bytes);
      if (head.feed === ports.self && verifyHead(ports.hasher, head))
        greatest = Math.max(greatest, head.size);
    }
    return greatest;
  }

  async function ask(peer: Address): Promise<void> {
    if (asking.has(peer)) return;
    asking.add(peer);
    try {
      const answer = await peers.have(peer, have());
      if (answer.answer !== "foreign" && answer.rival === true) ports.onRival(peer);
      if (answer.answer !== "foreign") first.answered(answer.answer === "vector" ? answer.items : []);
      if (answer.answer === "vector") await take(peer, answer.items);
      else if (answer.answer === "same") ports.onOwnSize(peer, feeds.head(ports.self)?.size ?? 0);
      else log.warn("sync.foreign", { peer, reason: answer.reason });
      first.ended();
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.debug("sync.failed", { peer, code: error.code });
    } finally {
      asking.delete(peer);
    }
  }

  async function all(): Promise<void> {
    await Promise.all(peers.connected().map(ask));
  }

  return {
    with: ask,
    first: first.wait,
    all,
    fill: (peer, feed) => void fetch(peer, feed),
    setRestoring: (value) => {
      restoring = value;
    },
    onHave(from, asked) {
      if (asked.genesisHash !== ports.identity.genesisHash || asked.registry !== ports.identity.registry) {
        return { answer: "foreign", reason: "another chain or another registry" };
      }
      const rival = rivals.hear(from, asked.session) ? { rival: true as const } : {};
      if (asked.vectorHash === feeds.vectorHash()) return { answer: "same", ...rival };
      return { answer: "vector", items: feeds.vector(), ...rival };
    },
    onGet(from, feed, start, maxBytes) {
      const message = feeds.message(feed, start, Math.min(maxBytes, PAGE_BYTES));
      return message === undefined ? [] : [encodeMessage(ports.egress.forPeer(message, from))];
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
