/* Feeds in the store: whatever the batches in which they came, they read the same. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentOf, type Item } from "@anamnesis/sdk/core/entry";
import { appendLeaves, EMPTY_FRONTIER, frontierAt, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import { verifyMessage } from "@anamnesis/sdk/core/message";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore, type MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { type Feeds, loadFeeds } from "../../../node/src/state/feeds.ts";
import { feedKey, fromJson, toJson } from "../../../node/src/state/keys.ts";

const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"a1".repeat(20)}` as Address });
const key = new Uint8Array(32).fill(7);
const feed = addressOfPrivateKey(key);
const other = addressOfPrivateKey(new Uint8Array(32).fill(8));

function itemOf(index: number, size = 20 + (index % 50)): Item {
  if (index % 11 === 5) return { commitment: new Uint8Array(32).fill(index), reason: "erased" };
  return { salt: new Uint8Array(32).fill(index), entry: new Uint8Array(size).fill(index >> 3) };
}

function headOf(feeds: Feeds): SignedHead {
  const frontier = feeds.frontier(feed);
  const unsigned = { feed, size: frontier.size, root: toHex(rootOf(frontier)) as Bytes32 };
  return { ...unsigned, signature: signDigest(hasher.head(unsigned), key) };
}

async function append(
  store: MemoryStore,
  feeds: Feeds,
  items: readonly Item[],
  to: Address = feed,
): Promise<void> {
  const before = feeds.frontier(to);
  const { frontier, closed } = appendLeaves(
    before,
    items.map((item) => leafHash(commitmentOf(item))),
  );
  const { ops, done } = feeds.stage(to, before.size, items, frontier, closed);
  await store.commit(ops);
  done();
}

async function collect(feeds: Feeds, start: number): Promise<(readonly [number, Item])[]> {
  const all: (readonly [number, Item])[] = [];
  for await (const each of feeds.items(feed, start)) all.push(each);
  return all;
}

const batches = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 200 })),
  {
    minLength: 1,
    maxLength: 8,
  },
);

test("items, subtrees and stretches are the same whatever the batches, before and after a start", async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(), fc.nat(), async (counts, a, b) => {
      const store = createMemoryStore();
      const first = await loadFeeds(store);
      const items: Item[] = [];
      for (const count of counts) {
        const some = Array.from({ length: count }, (_, i) => itemOf(items.length + i));
        await append(store, first, some);
        await append(store, first, some.slice(0, 3), other);
        items.push(...some);
      }
      first.setHead(headOf(first));
      const again = await loadFeeds(store);
      again.setHead(headOf(again));
      const leaves = items.map((item) => leafHash(commitmentOf(item)));
      const size = 1 + (a % items.length);
      const start = b % items.length;
      for (const feeds of [first, again]) {
        expect(feeds.size(feed)).toBe(items.length);
        expect(feeds.item(feed, start)).toEqual(items[start]);
        expect([...items.keys()].map((i) => feeds.item(feed, i))).toEqual(items);
        expect([-1, items.length, items.length + 64].map((i) => feeds.item(feed, i))).toEqual([
          undefined,
          undefined,
          undefined,
        ]);
        expect(await collect(feeds, start)).toEqual(items.map((item, i) => [i, item]).slice(start));
        expect(await collect(feeds, items.length)).toEqual([]);
        expect(feeds.frontierAt(feed, size)).toEqual(
          appendLeaves(EMPTY_FRONTIER, leaves.slice(0, size)).frontier,
        );
        const message = feeds.message(feed, start, 3000)!;
        expect(verifyMessage(hasher, message).message.items).toEqual(
          items.slice(start, start + message.items.length),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test("one key holds up to 64 entries with their tree", async () => {
  const store = createMemoryStore();
  const feeds = await loadFeeds(store);
  const { frontier, closed } = appendLeaves(
    EMPTY_FRONTIER,
    Array.from({ length: 200 }, (_, i) => leafHash(commitmentOf(itemOf(i)))),
  );
  const { ops } = feeds.stage(
    feed,
    0,
    Array.from({ length: 200 }, (_, i) => itemOf(i)),
    frontier,
    closed,
  );
  expect(ops.map((op) => op.key.split("/").slice(2).join(""))).toEqual([
    "",
    "000000000000",
    "000000000064",
    "000000000128",
    "000000000192",
  ]);
});

test("large entries do not pile up in one value", async () => {
  const store = createMemoryStore();
  const feeds = await loadFeeds(store);
  const items = Array.from({ length: 64 }, (_, i) => itemOf(11 * i, 30_000));
  const { frontier, closed } = appendLeaves(
    EMPTY_FRONTIER,
    items.map((item) => leafHash(commitmentOf(item))),
  );
  const { ops, done } = feeds.stage(feed, 0, items, frontier, closed);
  expect(Math.max(...ops.map((op) => (op.type === "put" ? op.value.length : 0)))).toBeLessThan(70_000);
  await store.commit(ops);
  done();
  expect([...items.keys()].map((i) => feeds.item(feed, i))).toEqual(items);
  expect(
    frontierAt(
      (level, index) => feeds.frontierAt(feed, (index + 1) * 2 ** level).peaks.at(-1) as Uint8Array,
      64,
    ),
  ).toEqual(frontier);
});

test("a feed that was dropped is gone, and another past may take its place", async () => {
  const store = createMemoryStore();
  const feeds = await loadFeeds(store);
  await append(store, feeds, [itemOf(1), itemOf(2), itemOf(3)]);
  await append(store, feeds, [itemOf(9)], other);
  expect(feeds.item(feed, 1)).toEqual(itemOf(2));
  const { ops, done } = await feeds.stageDrop(feed);
  await store.commit(ops);
  done();
  expect([feeds.size(feed), feeds.item(feed, 1), feeds.item(other, 0)]).toEqual([0, undefined, itemOf(9)]);
  await append(store, feeds, [itemOf(4), itemOf(6)]);
  expect([feeds.item(feed, 0), feeds.item(feed, 1)]).toEqual([itemOf(4), itemOf(6)]);
});

test("a store of an earlier layout is told, not read", async () => {
  const store = createMemoryStore();
  await append(store, await loadFeeds(store), [itemOf(1)]);
  const { layout, ...earlier } = fromJson<Record<string, unknown>>(store.get(feedKey(feed))!);
  expect(layout).toBe(2);
  await store.commit([{ type: "put", key: feedKey(feed), value: toJson(earlier) }]);
  await expect(loadFeeds(store)).rejects.toMatchObject({ code: "store.corrupt" });
});
