/** Whatever the order, the doubling and the cutting of delivery: the same memory at every node. */

import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeLedger } from "../../../node/src/adapters/chain/fake-chain.ts";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createAdmit } from "../../../node/src/flows/admit.ts";
import { indexOnce } from "../../../node/src/flows/index-chain.ts";
import { openRooms } from "../../../node/src/rooms.ts";
import { BLINDING_KEY, plantKey } from "../support/consortium.ts";
import { observable, START_MS } from "../support/plant.ts";
import { createKeptLog, createSteeredClock, createWorld } from "../support/surroundings.ts";
import { contentOf, stanceOf, subjectOfForm, type WrittenFeed, writeFeed } from "../support/written-feed.ts";

const FORMS = [observable("203.0.113.7"), observable("198.51.100.66")];
const KEYS = [plantKey(1), plantKey(2), plantKey(3)];
/** Plants 1 and 2 speak for member 1, plant 3 for member 2. */
const MEMBERS = [1, 1, 2];

const world = createWorld(START_MS);
const ledger = createFakeLedger({
  founders: KEYS.map(addressOfPrivateKey),
  parameters: { members: 2, witnesses: 1, refutes: 2, maxBatch: 10 },
  blindingKeyHash: blindingKeyHash(BLINDING_KEY),
  clock: world,
});
KEYS.forEach((key, i) => {
  ledger.addNodeKey(MEMBERS[i]!, addressOfPrivateKey(key));
});
const { hasher } = ledger;

async function makeReceiver() {
  const store = createMemoryStore();
  const clock = createSteeredClock(world);
  const rooms = await openRooms(store, hasher, clock, BLINDING_KEY);
  await indexOnce({ chain: ledger.connect(), registry: rooms.registry });
  const admit = createAdmit({
    ...rooms,
    clock,
    log: createKeptLog(),
    hasher,
    self: `0x${"00".repeat(20)}` as Address,
    onGap() {},
    onFork() {},
    onUnanchored() {},
    onEffects() {},
  });
  return { rooms, admit };
}

interface Word {
  readonly form: number;
  readonly stance: 1 | 2 | 3;
  readonly version: number;
  readonly confidence: number;
}

/** What a feed says, in order: a stance on one of two attacks, at a version that need not grow. */
const words = fc.array(
  fc.record({
    form: fc.nat(1),
    stance: fc.constantFrom(1 as const, 2 as const, 3 as const),
    version: fc.integer({ min: 1, max: 6 }),
    confidence: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 5 },
);

function write(key: Uint8Array, said: readonly Word[]): WrittenFeed {
  const feed = writeFeed(hasher, key);
  for (const form of FORMS) feed.append(contentOf(form));
  for (const { form, stance, version, confidence } of said)
    feed.append(
      stanceOf(hasher, key, {
        subject: subjectOfForm(FORMS[form]!),
        stance,
        version: START_MS + version,
        confidence,
      }),
    );
  return feed;
}

test("any order, duplication and batching of delivery gives the same heldHash", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(words, words, words),
      fc.array(fc.tuple(fc.nat(2), fc.nat(8), fc.nat(8), fc.nat(8)), { maxLength: 24 }),
      async (said, deliveries) => {
        const feeds = said.map((each, i) => write(KEYS[i]!, each));
        const straight = await makeReceiver();
        for (const feed of feeds) await straight.admit.message(feed.feed, feed.bytes());

        const crooked = await makeReceiver();
        for (const [which, a, b, c] of deliveries) {
          const feed = feeds[which]!;
          const [start, end, size] = [a, b, c].map((n) => n % (feed.size() + 1)).sort((x, y) => x - y) as [
            number,
            number,
            number,
          ];
          if (end > start) await crooked.admit.message(feed.feed, feed.bytes(start, end, size));
        }
        // In the end everybody has everything, one entry at a time and the last feed first.
        for (const feed of feeds.toReversed())
          for (let i = 0; i < feed.size(); i++) await crooked.admit.message(feed.feed, feed.bytes(i, i + 1));

        expect(crooked.rooms.feeds.vectorHash()).toBe(straight.rooms.feeds.vectorHash());
        expect(crooked.rooms.memory.heldHash()).toBe(straight.rooms.memory.heldHash());
        const [before] = [crooked.rooms.memory.heldHash() as Bytes32];
        crooked.rooms.rebuild();
        expect(crooked.rooms.memory.heldHash()).toBe(before);
        expect(crooked.admit.counts().rejected).toEqual({});
      },
    ),
    { numRuns: 60 },
  );
});

test("an old support after a newer withdraw changes nothing, whoever brings it first", async () => {
  const subject = subjectOfForm(FORMS[0]!);
  const support = writeFeed(hasher, KEYS[0]!);
  support.append(contentOf(FORMS[0]!), stanceOf(hasher, KEYS[0]!, { subject, version: START_MS + 1 }));
  const withdraw = writeFeed(hasher, KEYS[1]!);
  withdraw.append(stanceOf(hasher, KEYS[1]!, { subject, stance: 3, version: START_MS + 2 }));
  for (const order of [
    [support, withdraw],
    [withdraw, support],
  ]) {
    const { rooms, admit } = await makeReceiver();
    for (const feed of order) await admit.message(feed.feed, feed.bytes());
    const stances = [...rooms.memory.stances(subject).values()];
    expect(stances.map(({ register }) => register.stance)).toEqual([3]);
  }
});
