import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { verifyMessage } from "@anamnesis/sdk/core/message";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, SignedHead } from "@anamnesis/sdk/core/types";
import { beforeEach, expect, test } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createClosedHeads } from "../../../node/src/flows/closed-heads.ts";
import { type Feeds, loadFeeds } from "../../../node/src/state/feeds.ts";
import type { KeyState } from "../../../node/src/state/registry.ts";
import { observable } from "../support/plant.ts";
import { contentOf, type WrittenFeed, writeFeed } from "../support/written-feed.ts";

const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"01".repeat(20)}` as Address });
const SELF = `0x${"02".repeat(20)}` as Address;
const PEERS = [`0x${"03".repeat(20)}`, `0x${"04".repeat(20)}`, `0x${"05".repeat(20)}`] as Address[];
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

let story: WrittenFeed;
let other: WrittenFeed;
let store = createMemoryStore();
let feeds: Feeds;
let state: KeyState;
let nowMs: number;
/** Whom was asked, and what they answer. */
let asked: string[];
let chain: () => SignedHead | undefined;
let peers: (peer: Address) => readonly Uint8Array[];

beforeEach(async () => {
  story = writeFeed(hasher, new Uint8Array(32).fill(7));
  story.append(...[1, 2, 3, 4, 5].map((i) => contentOf(observable(`203.0.113.${i}`))));
  other = story.fork(2);
  other.append(contentOf(observable("198.51.100.1")));
  store = createMemoryStore();
  feeds = await loadFeeds(store);
  [state, nowMs, asked] = ["closed", 0, []];
  chain = () => undefined;
  peers = () => [];
  await hold(3);
});

/** Holds the first entries under the head over all five. */
async function hold(size: number): Promise<void> {
  const start = feeds.size(story.feed);
  const { message, frontier, closed } = verifyMessage(hasher, story.message(start, size));
  const staged = feeds.stage(story.feed, start, message.items, frontier, closed, message.head);
  await store.commit(staged.ops);
  staged.done();
}

const create = () =>
  createClosedHeads({
    clock: { monotonicMs: () => nowMs },
    log: SILENT,
    store,
    feeds,
    registry: {
      keys: () => [story.feed],
      key: () => ({
        member: 1 as never,
        addedAtBlock: 1,
        closed: state === "closed",
        anchored: { size: 3, root: story.head(3).root },
        anchoredAtBlock: 9,
      }),
      keyState: () => state,
    },
    hasher,
    chain: {
      async anchoredHead(_feed, size, block) {
        asked.push(`chain ${size}@${block}`);
        return chain();
      },
    },
    peers: {
      connected: () => PEERS,
      async get(peer, _feed, start) {
        asked.push(`${PEERS.indexOf(peer)} ${start}`);
        return peers(peer);
      },
    },
    admit: { inTurn: (_feed, task) => task() },
    self: SELF,
  });

test("the head is asked of the chain, and served over a restart", async () => {
  chain = () => story.head(3);
  expect(feeds.message(story.feed, 0, 10_000)).toBeUndefined();
  await create().tick();
  expect(asked).toEqual(["chain 3@9"]);
  for (const held of [feeds, await loadFeeds(store)]) {
    expect(held.head(story.feed)).toEqual(story.head(3));
    expect(held.message(story.feed, 0, 10_000)?.head).toEqual(story.head(3));
  }
  await create().tick();
  expect(asked).toHaveLength(1);
});

test("where the chain kept no transactions a peer's is taken, and only if it is that head and signed", async () => {
  const forged = { ...story.head(3), signature: other.head(3).signature };
  const answers = [
    [story.bytes(2, 3, 5)], // a head, and not the one that was anchored
    [other.bytes(2, 3, 3), story.bytes(2)], // the same size of another history
    [story.bytes(2, 3, 3)],
  ];
  chain = () => forged;
  peers = (peer) => answers[PEERS.indexOf(peer)] as Uint8Array[];
  await create().tick();
  expect(asked).toEqual(["chain 3@9", "0 2", "1 2", "2 2"]);
  expect(feeds.head(story.feed)).toEqual(story.head(3));
});

test("nobody has it: they are asked again a minute later, whatever they throw", async () => {
  const heads = create();
  chain = () => {
    throw new AnamnesisError("chain.unreachable", "away");
  };
  peers = () => {
    throw new AnamnesisError("peer.timeout", "away");
  };
  for (let i = 0; i < 3; i++) await heads.tick();
  expect(asked).toHaveLength(4);
  expect(feeds.head(story.feed)).toBeUndefined();
  nowMs = 60_000;
  chain = () => story.head(3);
  await heads.tick();
  expect(feeds.head(story.feed)?.size).toBe(3);
});

test("what goes beyond the anchored size is shown no more, unless its member is only suspended", async () => {
  await hold(5);
  chain = () => story.head(3);
  state = "open";
  await create().tick();
  state = "suspended";
  await create().tick();
  expect([asked.length, feeds.head(story.feed)?.size]).toEqual([0, 5]);
  state = "revoked";
  await create().tick();
  expect(feeds.vector()).toEqual([{ feed: story.feed, size: 3, root8: story.head(3).root.slice(0, 18) }]);
  expect(feeds.size(story.feed)).toBe(5);
});
