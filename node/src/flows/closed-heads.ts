/*
 * What a feed that has ended is known by. It counts up to its last anchored size, so that is what every node
 * holds and serves of it, under the head that was anchored: peers' heads reach further, and a node that joined
 * later has none that covers just what counts. The head's signature is in the transaction that anchored it.
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import { decodeMessage, verifyHead } from "@anamnesis/sdk/core/message";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Chain, Clock, Log, Peers, Store } from "../ports.ts";
import type { Feeds } from "../state/feeds.ts";
import type { Registry } from "../state/registry.ts";
import type { Admit } from "./admit.ts";

/** Ports of closed heads. */
export interface ClosedHeadsPorts {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
  readonly store: Store;
  readonly feeds: Feeds;
  readonly registry: Pick<Registry, "keys" | "key" | "keyState">;
  readonly hasher: TypedDataHasher;
  readonly chain: Pick<Chain, "anchoredHead">;
  readonly peers: Pick<Peers, "connected" | "get">;
  readonly admit: Pick<Admit, "inTurn">;
  /** This node's own feed is its own business. */
  readonly self: Address;
}

/** Where neither chain nor peers had the head, they are asked again after so long, ms. */
const AGAIN_MS = 60_000;

/** Creates the look at ended feeds: once a second, each that lacks its anchored head gets it. Never rejects. */
export function createClosedHeads(ports: ClosedHeadsPorts): { tick(): Promise<void> } {
  const { feeds, registry, log } = ports;
  const askedAtMs = new Map<Address, number>();
  let looking = false;

  interface Anchored {
    readonly size: number;
    readonly root: Bytes32;
    readonly block: number;
  }

  /** What a feed should be known by and is not; `nothing` when it ended before anything of it was anchored. */
  function missing(feed: Address): Anchored | "nothing" | undefined {
    const state = registry.keyState(feed);
    if (feed === ports.self || state === "open" || state === "unknown") return undefined;
    const { anchored, anchoredAtBlock: block } = registry.key(feed) ?? {};
    const known = feeds.head(feed)?.size ?? 0;
    if (anchored === undefined || block === undefined)
      return known > 0 && state !== "suspended" ? "nothing" : undefined;
    // A suspended member may come back: what goes further is kept.
    if (state === "suspended" ? known >= anchored.size : known === anchored.size) return undefined;
    if (feeds.size(feed) < anchored.size) return undefined;
    return toHex(rootOf(feeds.frontierAt(feed, anchored.size))) === anchored.root
      ? { ...anchored, block }
      : undefined;
  }

  async function find(feed: Address, { size, root, block }: Anchored): Promise<SignedHead | undefined> {
    const fits = (head: SignedHead | undefined) =>
      head?.feed === feed && head.size === size && head.root === root && verifyHead(ports.hasher, head);
    const attempts = [
      () => ports.chain.anchoredHead(feed, size, block),
      ...ports.peers.connected().map((peer) => async () => {
        const [message] = await ports.peers.get(peer, feed, size - 1, 1);
        return message === undefined ? undefined : decodeMessage(message).head;
      }),
    ];
    for (const attempt of attempts) {
      try {
        const head = await attempt();
        if (fits(head)) return head;
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
      }
    }
    return undefined;
  }

  async function keep(feed: Address, head: SignedHead | undefined): Promise<void> {
    await ports.admit.inTurn(feed, async () => {
      const still = missing(feed);
      if (still === undefined || (still === "nothing" ? undefined : still.root) !== head?.root) return;
      const { op, done } = feeds.stageHead(feed, head);
      await ports.store.commit([op], { sync: false });
      done();
      log.info("feed.ended", { feed, size: head?.size ?? 0 });
    });
  }

  async function look(): Promise<void> {
    for (const feed of registry.keys()) {
      const wanted = missing(feed);
      if (wanted === undefined) continue;
      if (wanted === "nothing") {
        await keep(feed, undefined);
        continue;
      }
      const now = ports.clock.monotonicMs();
      if (now - (askedAtMs.get(feed) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) continue;
      askedAtMs.set(feed, now);
      const head = await find(feed, wanted);
      if (head !== undefined) await keep(feed, head);
      else log.debug("feed.headless", { feed, size: wanted.size });
    }
  }

  return {
    async tick() {
      if (looking) return;
      looking = true;
      try {
        await look();
      } catch (error) {
        log.warn("feed.headless", { message: String(error) });
      } finally {
        looking = false;
      }
    },
  };
}
