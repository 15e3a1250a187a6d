/** Keys and accounts that were stolen or lost: what still counts, and how the member comes back. docs/keys.md has the steps. */
import { utf8 } from "@anamnesis/sdk/core/bytes";
import type { Item } from "@anamnesis/sdk/core/entry";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { MemberNumber } from "@anamnesis/sdk/core/types";
import { afterEach, expect, test } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import {
  type Consortium,
  type ConsortiumOptions,
  makeConsortium,
  type TestPlant,
} from "../support/consortium.ts";
import { observable } from "../support/plant.ts";
import { contentOf, stanceOf, subjectOfForm, writeFeed } from "../support/written-feed.ts";

const ATTACKER = "203.0.113.7";
const SUBJECT = subjectOfForm(observable(ATTACKER));
const TWO = 2 as MemberNumber;

let consortium: Consortium;
let close: () => Promise<void> = async () => {};
afterEach(() => close());

/** Four plants that have met an attack together: attested, recorded, and every feed anchored. */
async function found(options: ConsortiumOptions = {}) {
  [consortium, close] = await makeConsortium(options.membership?.length ?? 4, options);
  const id = consortium.alert(consortium.plant(1), ATTACKER);
  await consortium.settle();
  expect(consortium.status(consortium.plant(1), id)).toBe("attested");
  return id;
}

/** The plant's node gets a new key, as `anamnesis node rekey` gives it; the store stays. */
function rekey(plant: TestPlant, name: string, member: number = plant.member): void {
  const privateKey = sha256(utf8(name));
  Object.assign(plant, { privateKey, key: addressOfPrivateKey(privateKey), member });
}

/** The feed of a plant as whoever has its key and its disk can go on writing it. */
function stolenFeed({ key, privateKey }: TestPlant) {
  const { feeds } = consortium.plant(1).running!.rooms;
  const past = Array.from({ length: feeds.size(key) }, (_, i) => feeds.item(key, i) as Item);
  return writeFeed(consortium.ledger.hasher, privateKey, past, "thief");
}

const stanceAt = (plant: TestPlant, member: MemberNumber, subject = SUBJECT) =>
  plant.running!.rooms.memory.stances(subject).get(member)?.register;
const others = (plant: TestPlant) => consortium.plants.filter((each) => each !== plant);
const expectAgreement = () => {
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(new Set(consortium.recordedHashes()).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
};

test("a stolen node key is closed at once: what the thief signs from then on counts nowhere", async () => {
  const id = await found();
  const { ledger } = consortium;
  const victim = consortium.plant(2);
  const stolen = { key: victim.key, privateKey: victim.privateKey };
  const before = stanceAt(consortium.plant(1), TWO);
  expect(before?.stance).toBe(1);
  await consortium.stop(victim);
  const thief = stolenFeed(victim);
  const { size } = consortium.plant(1).running!.rooms.registry.anchored(stolen.key)!;
  expect(size).toBe(thief.size());

  ledger.revokeNodeKey(2, stolen.key);
  await consortium.settle();
  const { timestamp } = await ledger.connect().head();
  const say = (subject = SUBJECT, stance: 1 | 2 = 2) =>
    stanceOf(ledger.hasher, stolen.privateKey, { subject, stance, version: timestamp * 1000 });
  const invented = subjectOfForm(observable("198.51.100.9"));
  thief.append(say(), contentOf(observable("198.51.100.9")), say(invented, 1));

  // By the chain: nothing is recorded, nothing is anchored.
  const chain = ledger.connect();
  for (const { body } of [say(), say(invented, 1)]) {
    const { signature, ...attestation } = body;
    expect((await chain.attest([{ attestation, signature }])).skipped).toEqual([{ index: 0, skipCode: 2 }]);
  }
  expect((await chain.anchor([thief.head()])).skipped).toEqual([{ index: 0, skipCode: 2 }]);
  // By every peer: it may not connect, and what others pass on for it is left out.
  for (const { running } of others(victim)) {
    expect(running!.rooms.registry.isMember(stolen.key)).toBe(false);
    expect(await running!.node.admit.message(stolen.key, thief.bytes(size))).toEqual({
      verdict: "ignore",
      code: "feed.closed",
    });
    expect(running!.rooms.feeds.size(stolen.key)).toBe(size);
    expect(running!.rooms.memory.stances(invented).size).toBe(0);
  }
  await consortium.settle();
  // What the member said before counts on: its feed up to where it was anchored.
  for (const plant of others(victim)) {
    expect(stanceAt(plant, TWO)).toEqual(before);
    expect(consortium.status(plant, id)).toBe("attested");
    const { registry } = plant.running!.rooms;
    const block = registry.key(stolen.key)!.revokedAtBlock!;
    expect([block - 1, block].map((each) => registry.isKeyActiveAt(stolen.key, each))).toEqual([true, false]);
  }

  // The member's new key speaks on, over the same store.
  rekey(victim, "new key of plant 2");
  ledger.addNodeKey(2, victim.key);
  await consortium.start(victim);
  const next = consortium.alert(victim, "198.51.100.66");
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.status(plant, next)).toBe("attested");
    expect(plant.running!.rooms.feeds.size(stolen.key)).toBe(size);
  }
  expectAgreement();
});

test("what a thief said before its key was closed goes unless it was anchored, and the member says it again", async () => {
  const id = await found();
  const { ledger } = consortium;
  const victim = consortium.plant(2);
  const { key: stolen, privateKey } = victim;
  await consortium.stop(victim);
  const thief = stolenFeed(victim);
  const { size } = consortium.plant(1).running!.rooms.registry.anchored(stolen)!;
  const { timestamp } = await ledger.connect().head();
  const refute = stanceOf(ledger.hasher, privateKey, {
    subject: SUBJECT,
    stance: 2,
    version: timestamp * 1000,
  });
  thief.append(refute);
  // The chain is slow: plants heard the thief, the chain did not.
  for (const { chain } of others(victim)) chain.setReachable(false);
  for (const { running } of others(victim))
    expect(await running!.node.admit.message(stolen, thief.bytes(size))).toEqual({ verdict: "accept" });
  for (const plant of others(victim)) expect(stanceAt(plant, TWO)?.stance).toBe(2);

  ledger.revokeNodeKey(2, stolen);
  for (const { chain } of others(victim)) chain.setReachable(true);
  await consortium.settle();
  for (const plant of others(victim)) {
    expect(stanceAt(plant, TWO)?.stance).toBe(1);
    expect(consortium.view(plant, id)?.status).toMatchObject({ name: "attested", disputed: false });
  }
  expectAgreement();
});

test("what a thief got recorded before its key was closed is overruled by the member's analyst under a new key", async () => {
  const id = await found();
  const { ledger } = consortium;
  const victim = consortium.plant(2);
  const { key: stolen, privateKey } = victim;
  await consortium.stop(victim);
  const thief = stolenFeed(victim);
  const { timestamp } = await ledger.connect().head();
  const entry = stanceOf(ledger.hasher, privateKey, {
    subject: SUBJECT,
    stance: 2,
    version: timestamp * 1000,
  });
  thief.append(entry);
  const { signature, ...attestation } = entry.body;
  await ledger.connect().attest([{ attestation, signature }]);
  await ledger.connect().anchor([thief.head()]);
  for (const { running } of others(victim)) await running!.node.admit.message(stolen, thief.bytes());
  ledger.revokeNodeKey(2, stolen);
  await consortium.settle();
  // It was recorded while the key was open: that is what the chain says, and everybody counts alike.
  for (const plant of others(victim)) {
    expect(stanceAt(plant, TWO)?.stance).toBe(2);
    expect(consortium.view(plant, id)?.status.disputed).toBe(true);
  }

  rekey(victim, "new key of plant 2");
  ledger.addNodeKey(2, victim.key);
  await consortium.start(victim);
  await consortium.settle();
  // A node's own support never lifts a refute of its member; a person's does.
  expect(stanceAt(consortium.plant(1), TWO)?.stance).toBe(2);
  await victim.running!.commands.attest(id, 1, 80);
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(stanceAt(plant, TWO)).toMatchObject({ stance: 1, basis: 3 });
    expect(consortium.view(plant, id)?.status).toMatchObject({ name: "attested", disputed: false });
  }
  expectAgreement();
});

test("a lost node comes back with a new key and an empty store, catches up and says again what it said", async () => {
  const id = await found();
  const { ledger } = consortium;
  const lost = consortium.plant(3);
  const old = lost.key;
  consortium.crash(lost);
  lost.disk = createMemoryStore(); // the machine burnt down
  lost.lines.length = 0;
  lost.blindingKey = undefined;
  ledger.revokeNodeKey(3, old);
  rekey(lost, "new key of plant 3");
  ledger.addNodeKey(3, lost.key);
  await consortium.start(lost);
  await consortium.settle();
  const { rooms } = lost.running!;
  expect(rooms.memory.hasBlindingKey()).toBe(true); // given by a peer
  expect(consortium.status(lost, id)).toBe("attested");
  expect(rooms.feeds.size(old)).toBe(consortium.plant(1).running!.rooms.feeds.size(old));
  expect(lost.control.inForce.has(id)).toBe(true);
  expectAgreement();
  // And it takes part: its member's word is asked for and counts.
  await consortium.stop(consortium.plant(4));
  const next = consortium.alert(consortium.plant(1), "198.51.100.66");
  await consortium.settle();
  expect(consortium.status(lost, next)).toBe("attested");
  expect(
    [...lost.running!.rooms.memory.stances(subjectOfForm(observable("198.51.100.66"))).keys()].sort(),
  ).toEqual([1, 2, 3]);
  expectAgreement();
});

test("a lost member account: the others remove it and admit a new one, which says everything again", async () => {
  const id = await found({ parameters: { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 } });
  const { ledger } = consortium;
  const orphan = consortium.plant(4);
  const old = orphan.key;
  // Three others are enough to decide both in one proposal: the new account first, then the removal.
  ledger.admit(addressOfPrivateKey(sha256(utf8("new account of member 4"))));
  ledger.remove(4);
  await consortium.settle();
  for (const plant of others(orphan)) {
    const { registry, memory } = plant.running!.rooms;
    expect(registry.keyState(old)).toBe("suspended"); // nobody closed it; it speaks for nobody who counts
    expect(registry.isMember(old)).toBe(false);
    expect(registry.isKeyActiveAt(old, registry.recordedAt()!.number)).toBe(true);
    expect(registry.members().find(({ number }) => number === 4)).toMatchObject({
      active: false,
      removed: true,
    });
    expect(registry.recordedRegister(SUBJECT, 4 as MemberNumber)?.stance).toBe(1); // stays, and does not count
    expect(memory.stances(SUBJECT).size).toBeGreaterThanOrEqual(3);
    expect(consortium.view(plant, id)?.status).toMatchObject({ name: "attested", supports: 3 });
  }

  // A key never changes its member: the node gets a new one under the new number.
  await consortium.stop(orphan);
  rekey(orphan, "new key of plant 4", 5);
  ledger.addNodeKey(5, orphan.key);
  await consortium.start(orphan);
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(stanceAt(plant, 5 as MemberNumber)?.stance).toBe(1);
    expect(consortium.view(plant, id)?.status).toMatchObject({ name: "attested", supports: 4 });
  }
  const next = consortium.alert(orphan, "198.51.100.66");
  await consortium.settle();
  for (const plant of consortium.plants) expect(consortium.status(plant, next)).toBe("attested");
  expectAgreement();
});

test("several node keys of one member are active at once: one voice, and one of them may go", async () => {
  const id = await found({ membership: [1, 1, 2, 3] });
  const { ledger } = consortium;
  const [first, second, third] = [1, 2, 3].map(consortium.plant) as [TestPlant, TestPlant, TestPlant];
  const { registry } = third.running!.rooms;
  expect([first, second].map(({ key }) => registry.memberOfKey(key))).toEqual([1, 1]);
  expect(consortium.view(third, id)?.status.supports).toBe(3);
  const withdrawn = stanceAt(third, 1 as MemberNumber);

  ledger.revokeNodeKey(1, first.key);
  await consortium.settle();
  expect(registry.keyState(first.key)).toBe("revoked");
  expect(registry.memberOfKey(second.key)).toBe(1);
  expect(stanceAt(third, 1 as MemberNumber)).toEqual(withdrawn);
  await consortium.stop(first);
  const next = consortium.alert(second, "198.51.100.66");
  await consortium.settle();
  for (const plant of [second, third])
    expect(consortium.view(plant, next)?.status).toMatchObject({ name: "attested", supports: 3 });
  expectAgreement();
});
