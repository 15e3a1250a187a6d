/* The own feed: what waits for one sync leaves in messages that prove themselves one after the other. */

import { toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, encodeEntry } from "@anamnesis/sdk/core/entry";
import { leafHashOf, rootOf } from "@anamnesis/sdk/core/merkle";
import { decodeMessage, type FeedMessage, verifyMessage } from "@anamnesis/sdk/core/message";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Entry } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { createSigner } from "../../../node/src/adapters/keys/signer.ts";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { systemRandomness } from "../../../node/src/adapters/system.ts";
import { createOwnFeed } from "../../../node/src/flows/append.ts";
import { loadChanges } from "../../../node/src/state/changes.ts";
import { loadFeeds } from "../../../node/src/state/feeds.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"11".repeat(20)}` as Address });
const signer = createSigner(new Uint8Array(32).fill(9), hasher);

async function makeFeed() {
  const store = createMemoryStore({ manual: true });
  const feeds = await loadFeeds(store);
  const sent: FeedMessage[] = [];
  const projected: (readonly [number, number])[] = [];
  const feed = createOwnFeed({
    store,
    feeds,
    changes: await loadChanges(store),
    signer,
    randomness: systemRandomness,
    peers: { broadcast: (bytes) => sent.push(decodeMessage(bytes)) },
    log: SILENT,
    isForAll: () => true,
    project: (start, entries) => projected.push([start, entries.length]),
  });
  feed.open();
  return { store, feeds, feed, sent, projected };
}

function sightingOf(at: number): Entry {
  const body = { indicator: `0x${"ab".repeat(32)}`, firstMs: 0, lastMs: at, count: 1 };
  return { at, tlp: "green", kind: "sighting", body } as Entry;
}

/** An entry near the limit, by its list of references. */
function largeOf(at: number): Entry {
  const object = {
    type: "indicator",
    spec_version: "2.1",
    id: "indicator--0",
    created: "",
    modified: "",
    name: "é".repeat(512),
    indicator_types: [],
    pattern: "€".repeat(16_384),
    pattern_type: "stix",
    valid_from: "",
  };
  return { at, tlp: "green", kind: "content", body: { type: "indicator", object } } as unknown as Entry;
}

async function settle(waiting: readonly Promise<void>[], store: { sync(): void }): Promise<void> {
  let settled = false;
  const all = Promise.all(waiting).finally(() => {
    settled = true;
  });
  while (!settled) {
    store.sync();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
}

/** Each message begins where the one before ended, and all of them together are the feed. */
function expectWhole(sent: readonly FeedMessage[], size: number, root: string): void {
  let end = 0;
  for (const message of sent) {
    expect(message.start).toBe(end);
    end += message.items.length;
    expect(verifyMessage(hasher, message).frontier.size).toBe(end);
  }
  expect(end).toBe(size);
  expect(sent.at(-1)?.head).toMatchObject({ size, root });
}

test("what comes while one batch syncs is synced together and leaves 64 entries at a time", async () => {
  const { store, feeds, feed, sent, projected } = await makeFeed();
  const waiting = Array.from({ length: 150 }, (_, i) => feed.append([feed.seal(sightingOf(i))]));
  expect(sent).toEqual([]);
  await settle(waiting, store);
  expect(store.commits).toBe(2);
  expect(sent.map((message) => [message.items.length, message.head.size])).toEqual([
    [1, 1],
    [64, 150],
    [64, 150],
    [21, 150],
  ]);
  expect(projected).toEqual([
    [0, 1],
    [1, 149],
  ]);
  expectWhole(sent, 150, toHex(rootOf(feeds.frontier(signer.address))));
  expect(feeds.head(signer.address)).toEqual(sent.at(-1)?.head);
});

test("what is appended together is one commit, whatever its size", async () => {
  const { store, feeds, feed, sent } = await makeFeed();
  await settle([feed.append(Array.from({ length: 1000 }, (_, i) => feed.seal(sightingOf(i))))], store);
  expect(store.commits).toBe(1);
  expect(Math.max(...sent.map((message) => message.items.length))).toBe(64);
  expectWhole(sent, 1000, toHex(rootOf(feeds.frontier(signer.address))));
});

test("large entries appended together leave in messages that peers take", async () => {
  const { store, feeds, feed, sent } = await makeFeed();
  await settle([feed.append(Array.from({ length: 50 }, (_, i) => feed.seal(largeOf(i))))], store);
  expect(sent.length).toBeGreaterThan(1);
  expectWhole(sent, 50, toHex(rootOf(feeds.frontier(signer.address))));
});

test("nothing is signed, sent or acknowledged before it is durable", async () => {
  const { store, feeds, feed, sent, projected } = await makeFeed();
  let acknowledged = false;
  const waiting = feed.append([feed.seal(sightingOf(1))]).then(() => {
    acknowledged = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect([acknowledged, sent.length, projected.length, feeds.head(signer.address)]).toEqual([
    false,
    0,
    0,
    undefined,
  ]);
  await settle([waiting], store);
  expect([acknowledged, sent.length, projected.length]).toEqual([true, 1, 1]);
});

test("a sealed entry knows its commitment, with a salt of its own", async () => {
  const { feed } = await makeFeed();
  const [a, b] = [feed.seal(sightingOf(1)), feed.seal(sightingOf(1))];
  expect(a.commitment).toBe(commitmentHex(a.item));
  expect(a.commitment).not.toBe(b.commitment);
  expect(a.item).toHaveProperty("entry", encodeEntry(sightingOf(1)));
  expect(leafHashOf(a.commitment)).toHaveLength(32);
});
