/** Messages that do not fit are rejected and nothing of them is stored. */
import { encodeMessage, type FeedMessage, MAX_MESSAGE_BYTES } from "@anamnesis/sdk/core/message";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { makeConsortium, plantKey } from "../support/consortium.ts";
import { observable } from "../support/plant.ts";
import { contentOf, type WrittenFeed, writeFeed } from "../support/written-feed.ts";

const hash = (byte: number) => new Uint8Array(32).fill(byte);

const BAD: readonly [string, string, (feed: WrittenFeed) => Uint8Array][] = [
  ["items of another feed", "message.path", (f) => change(f, { items: f.message().items.toReversed() })],
  ["one item too few", "message.path", (f) => change(f, { items: f.message().items.slice(1) })],
  ["peaks of another size", "message.peaks", (f) => change(f, { peaks: [hash(1)] })],
  [
    "a path that leads elsewhere",
    "message.path",
    (f) => encodeMessage({ ...f.message(0, 2), path: [hash(1), hash(2)] }),
  ],
  ["no path", "message.path", (f) => encodeMessage({ ...f.message(0, 2), path: [] })],
  ["another root", "head.signature", (f) => head(f, { root: `0x${"11".repeat(32)}` as Bytes32 })],
  ["another size", "head.signature", (f) => head(f, { size: 9 })],
  [
    "a head smaller than its items",
    "message.path",
    (f) => encodeMessage({ ...f.message(0, 5), head: f.head(3) }),
  ],
  [
    "another's signature",
    "head.signature",
    (f) => head(f, { signature: writeFeedOf(f, 9).head().signature }),
  ],
  ["an end before its end", "message.malformed", (f) => f.bytes().subarray(0, f.bytes().length - 1)],
  ["bytes after its end", "message.malformed", (f) => new Uint8Array([...f.bytes(), 0])],
  ["an unknown version", "message.malformed", (f) => f.bytes().with(0, 2)],
  ["nothing in it", "message.malformed", () => new Uint8Array(0)],
  [
    "more bytes than a message may have",
    "message.tooLarge",
    () => new Uint8Array(MAX_MESSAGE_BYTES + 1).fill(1),
  ],
];

function change(feed: WrittenFeed, what: Partial<FeedMessage>): Uint8Array {
  return encodeMessage({ ...feed.message(), ...what });
}
function head(feed: WrittenFeed, what: Partial<FeedMessage["head"]>): Uint8Array {
  return change(feed, { head: { ...feed.head(), ...what } });
}
let hasher: Parameters<typeof writeFeed>[0];
function writeFeedOf(feed: WrittenFeed, key: number): WrittenFeed {
  const other = writeFeed(hasher, plantKey(key));
  for (let i = 0; i < feed.size(); i++) other.append(feed.message().items[i]!);
  return other;
}

test.each(BAD)("a message with %s is rejected as %s", async (_name, code, make) => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  hasher = consortium.ledger.hasher;
  const [first, second] = [consortium.plant(1), consortium.plant(2)];
  await consortium.start(first);
  const { node, rooms, store } = first.running!;
  const feed = writeFeed(hasher, second.privateKey);
  for (let i = 1; i <= 5; i++) feed.append(contentOf(observable(`203.0.113.${i}`)));
  const before = store.commits;
  expect(await node.admit.message(second.key, make(feed))).toEqual({ verdict: "reject", code });
  expect(node.admit.counts().rejected).toEqual({ [code]: 1 });
  expect(store.commits).toBe(before);
  expect(rooms.feeds.list()).toEqual([]);
  expect(rooms.memory.recordCount()).toBe(0);
  // The honest one is still welcome.
  expect(await node.admit.message(second.key, feed.bytes())).toEqual({ verdict: "accept" });
  await close();
});

test("a message of a key that belongs to nobody is ignored", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const first = consortium.plant(1);
  await consortium.start(first);
  const stranger = writeFeed(consortium.ledger.hasher, plantKey(99));
  stranger.append(contentOf(observable("203.0.113.7")));
  const { node, rooms } = first.running!;
  expect(await node.admit.message(stranger.feed, stranger.bytes())).toEqual({
    verdict: "ignore",
    code: "feed.unknown",
  });
  expect(rooms.feeds.list()).toEqual([]);
  await close();
});

test.each(["null", "7", "[]", '"x"', "{}", "{"])(
  "a behaviour whose pattern is %s is counted, and the plant starts again after it",
  async (pattern) => {
    const [consortium, close] = await makeConsortium(4, { start: false });
    const [first, second] = [consortium.plant(1), consortium.plant(2)];
    await consortium.start(first);
    const feed = writeFeed(consortium.ledger.hasher, second.privateKey);
    const entry = contentOf(observable("203.0.113.7")) as unknown as { body: { object: object } };
    const object = { ...entry.body.object, pattern_type: "x-anamnesis-behaviour", pattern };
    feed.append({ ...entry, body: { ...entry.body, object } } as never);
    const { node, rooms } = first.running!;
    expect(await node.admit.message(second.key, feed.bytes())).toEqual({ verdict: "accept" });
    expect(node.admit.counts().ignored).toEqual({ "entry.malformed": 1 });
    expect(rooms.memory.recordCount()).toBe(0);
    await rooms.store.commit([{ type: "del", key: "nothing" }]); // syncs what was written before
    consortium.crash(first);
    await consortium.start(first);
    expect(first.running!.rooms.feeds.size(second.key)).toBe(1);
    await close();
  },
);
