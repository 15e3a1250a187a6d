/** Bad attestations inside a feed whose heads are all valid: stored as leaves, counted by code, never for status. */

import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Signature } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { makeConsortium, plantKey } from "../support/consortium.ts";
import { observable, START_MS } from "../support/plant.ts";
import { contentOf, stanceOf, subjectOfForm, withHighS, writeFeed } from "../support/written-feed.ts";

const FORM = observable("203.0.113.7");
const ID = indicatorId(toPattern(FORM));
const SUBJECT = subjectOfForm(FORM);
const OTHER_CHAIN = createHasher({ chainId: 1, verifyingContract: `0x${"a1".repeat(20)}` as Address });
const OTHER_REGISTRY = createHasher({
  chainId: 31_337,
  verifyingContract: `0x${"b2".repeat(20)}` as Address,
});

interface Bad {
  readonly name: string;
  readonly code: string;
  readonly change?: Partial<Attestation>;
  readonly signature?: (signature: Signature) => Signature;
  readonly signedFor?: typeof OTHER_CHAIN;
  readonly key?: Uint8Array;
}

const BAD: readonly Bad[] = [
  {
    name: "forged",
    code: "attestation.signature",
    signature: (s) => `${s.slice(0, 20)}${s[20] === "0" ? "1" : "0"}${s.slice(21)}` as Signature,
  },
  { name: "high s", code: "attestation.signature", signature: withHighS },
  {
    name: "v 0 or 1",
    code: "attestation.signature",
    signature: (s) => `${s.slice(0, 130)}${s.endsWith("1b") ? "00" : "01"}` as Signature,
  },
  { name: "by a key of nobody", code: "attestation.signature", key: plantKey(99) },
  { name: "by another member's key", code: "attestation.signature", key: plantKey(3) },
  { name: "for another chain", code: "attestation.signature", signedFor: OTHER_CHAIN },
  { name: "for another contract", code: "attestation.signature", signedFor: OTHER_REGISTRY },
  { name: "from the future", code: "attestation.future", change: { version: START_MS + 3_600_000 } },
];

test.each(BAD)("an attestation $name is counted and does not count", async (bad) => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const [first, second] = [consortium.plant(1), consortium.plant(2)];
  await consortium.start(first);
  await consortium.until(() => first.running!.node.ownFeed.state().open);
  const feed = writeFeed(ledger.hasher, second.privateKey);
  const entry = stanceOf(
    bad.signedFor ?? ledger.hasher,
    bad.key ?? second.privateKey,
    { subject: SUBJECT, ...bad.change },
    bad.signature,
  );
  feed.append(contentOf(FORM), entry);
  const { node, rooms } = first.running!;
  expect(await node.admit.message(second.key, feed.bytes())).toEqual({ verdict: "accept" });
  expect(node.admit.counts().ignored).toMatchObject({ [bad.code]: 1 });
  expect(rooms.feeds.size(second.key)).toBe(2);
  expect(consortium.status(first, ID)).toBe("none");
  expect(rooms.memory.stances(SUBJECT).size).toBe(0);
  expect(first.control.inForce.size).toBe(0);
  // A restart projects the same.
  consortium.crash(first);
  await consortium.start(first);
  expect(consortium.status(first, ID)).toBe("none");
  await close();
});

test("a version from the future counts when its time has come", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const [first, second] = [consortium.plant(1), consortium.plant(2)];
  await consortium.start(first);
  await consortium.until(() => first.running!.node.ownFeed.state().open);
  const feed = writeFeed(ledger.hasher, second.privateKey);
  feed.append(
    contentOf(FORM),
    stanceOf(ledger.hasher, second.privateKey, { subject: SUBJECT, version: START_MS + 1_200_000 }),
  );
  await first.running!.node.admit.message(second.key, feed.bytes());
  expect(consortium.status(first, ID)).toBe("none");
  consortium.world.advance(1_200_000);
  await consortium.until(() => consortium.status(first, ID) === "proposed");
  await close();
});

test("a stale version and a revoked key's word are counted and change nothing", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const [first, second] = [consortium.plant(1), consortium.plant(2)];
  await consortium.start(first);
  await consortium.until(() => first.running!.node.ownFeed.state().open);
  const { node, rooms } = first.running!;
  const feed = writeFeed(ledger.hasher, second.privateKey);
  const say = (stance: 1 | 2 | 3, version: number) =>
    stanceOf(ledger.hasher, second.privateKey, { subject: SUBJECT, stance, version });
  feed.append(contentOf(FORM), say(3, START_MS + 2), say(1, START_MS + 1));
  await node.admit.message(second.key, feed.bytes());
  expect(node.admit.counts().ignored).toMatchObject({ "attestation.stale": 1 });
  expect(consortium.status(first, ID)).toBe("withdrawn");

  ledger.revokeNodeKey(2, second.key);
  await node.indexer.kick();
  feed.append(say(1, START_MS + 3));
  expect(await node.admit.message(second.key, feed.bytes(3))).toEqual({
    verdict: "ignore",
    code: "feed.closed",
  });
  expect(rooms.feeds.size(second.key)).toBe(3);
  expect(consortium.status(first, ID)).not.toBe("proposed");
  await close();
});
