import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import {
  decodeMessage,
  encodeMessage,
  MAX_ITEMS,
  MAX_MESSAGE_BYTES,
  sameHead,
  verifyHead,
  verifyMessage,
} from "@anamnesis/sdk/core/message";
import { signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, SignedHead } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plantKey } from "../node/support/consortium.ts";
import { observable } from "../node/support/plant.ts";
import { contentOf, writeFeed } from "../node/support/written-feed.ts";
import { readVectors } from "./vectors.ts";

const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"a1".repeat(20)}` as Address });

function feedOf(size: number) {
  const feed = writeFeed(hasher, plantKey(1));
  for (let i = 0; i < size; i++) {
    if (i % 5 === 3) feed.append({ commitment: new Uint8Array(32).fill(i), reason: "erased" });
    else feed.append(contentOf(observable(`203.0.${i >> 8}.${i & 255}`)));
  }
  return feed;
}
const FEED = feedOf(40);

const stretches = fc
  .tuple(fc.nat(40), fc.nat(40), fc.nat(40))
  .map((three) => three.sort((a, b) => a - b) as [number, number, number])
  .filter(([start, end]) => end > start);

test("a message round-trips and proves itself, over any stretch and under any later head", () => {
  fc.assert(
    fc.property(stretches, ([start, end, size]) => {
      const message = FEED.message(start, end, size);
      const decoded = decodeMessage(encodeMessage(message));
      expect(encodeMessage(decoded)).toEqual(encodeMessage(message));
      const { frontier } = verifyMessage(hasher, decoded);
      expect(toHex(rootOf(frontier))).toBe(FEED.head(end).root);
    }),
  );
});

test("any flipped bit fails", () => {
  fc.assert(
    fc.property(stretches, fc.nat(), ([start, end, size], at) => {
      const bytes = FEED.bytes(start, end, size);
      const bit = at % (bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      let original = false;
      try {
        const message = verifyMessage(hasher, decodeMessage(bytes)).message;
        // A reason is a hint for people and not signed; everything else is.
        original = message.items.some((item, i) => {
          const before = FEED.message(start, end, size).items[i];
          return (
            "reason" in item && before !== undefined && "reason" in before && item.reason !== before.reason
          );
        });
      } catch (error) {
        expect(isAnamnesisError(error), String(error)).toBe(true);
        return;
      }
      expect(original, `bit ${bit}`).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test("any cut of a message fails as malformed", () => {
  const bytes = FEED.bytes(3, 9, 20);
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeMessage(bytes.subarray(0, length))).toThrow(
      expect.objectContaining({ code: "message.malformed" }),
    );
});

test("any split of a feed into messages gives the same root", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 39 })), (inner) => {
      const cuts = [0, ...inner.sort((a, b) => a - b), 40];
      const roots = cuts.slice(1).map((end, i) => verifyMessage(hasher, FEED.message(cuts[i], end)).frontier);
      expect(toHex(rootOf(roots.at(-1)!))).toBe(FEED.head().root);
      // Each one's peaks are the frontier that the one before has left.
      roots.slice(0, -1).forEach((frontier, i) => {
        expect(FEED.message(cuts[i + 1], cuts[i + 2]).peaks.map(toHex)).toEqual(frontier.peaks.map(toHex));
      });
    }),
  );
});

test("arbitrary bytes never do more than throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      if (bytes.length > 0) bytes[0] = 1;
      try {
        verifyMessage(hasher, decodeMessage(bytes));
      } catch (error) {
        expect(isAnamnesisError(error), String(error)).toBe(true);
        return;
      }
      throw new Error("arbitrary bytes were verified");
    }),
    { numRuns: 500 },
  );
});

test("counts that promise more than there is are refused at once", () => {
  const bytes = FEED.bytes(0, 1, 1);
  const at = 1 + 20 + 8 + 1; // version, feed, start, no peaks
  bytes.set([0xff, 0xff], at);
  expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ code: "message.malformed" }));
  expect(MAX_ITEMS).toBeLessThan(0xffff);
});

test("a message too large is neither written nor read", () => {
  const tooLarge = expect.objectContaining({ code: "message.tooLarge" });
  const item = { salt: new Uint8Array(32), entry: new Uint8Array(65_000) };
  const message = { ...FEED.message(0, 1, 1), items: Array(20).fill(item) as (typeof item)[] };
  expect(() => encodeMessage(message)).toThrow(tooLarge);
  expect(() => decodeMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow(tooLarge);
});

test("a head signed by another key, for another domain or for another feed is not the feed's", () => {
  const head = FEED.head(7);
  expect(verifyHead(hasher, head)).toBe(true);
  const other = createHasher({ chainId: 2, verifyingContract: `0x${"a1".repeat(20)}` as Address });
  expect(verifyHead(other, head)).toBe(false);
  expect(verifyHead(hasher, { ...head, size: 8 })).toBe(false);
  expect(verifyHead(hasher, { ...head, signature: signDigest(hasher.head(head), plantKey(2)) })).toBe(false);
  expect(sameHead(head, FEED.head(7))).toBe(true);
  expect(sameHead(head, FEED.head(8))).toBe(false);
});

test("the golden equivocations are what they claim: heads of one feed with true signatures", () => {
  const { domain, proved } = readVectors<{
    domain: { chainId: number; verifyingContract: Address };
    proved: { a: SignedHead; b: SignedHead }[];
  }>("equivocation");
  const golden = createHasher(domain);
  for (const { a, b } of proved) {
    expect(verifyHead(golden, a) && verifyHead(golden, b)).toBe(true);
    expect(fromHex(a.root)).toHaveLength(32);
  }
});
