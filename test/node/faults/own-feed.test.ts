/** No second history is ever signed: restored backups, lonely starts, twins, and what is done about a key that lied. */
import { expect, test } from "vitest";
import { makeConsortium, type TestPlant } from "../support/consortium.ts";
import { observable } from "../support/plant.ts";
import { contentOf, stanceOf, subjectOfForm, writeFeed } from "../support/written-feed.ts";

test("a restored backup fetches its own tail from peers and goes on behind it", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const backup = await first.running!.store.backup();
  consortium.alert(first, "198.51.100.66");
  await consortium.settle();
  const longer = first.running!.rooms.feeds.size(first.key);
  consortium.crash(first);
  first.disk = backup;
  await consortium.start(first);
  expect(first.running!.rooms.feeds.size(first.key)).toBeLessThan(longer);
  await consortium.settle();
  const id = consortium.alert(first, "198.51.100.77");
  await consortium.settle();
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(consortium.status(consortium.plant(4), id)).toBe("attested");
  expect(first.running!.rooms.feeds.size(first.key)).toBeGreaterThan(longer);
  for (const { running } of consortium.plants) {
    expect(running!.node.admit.counts().rejected).toEqual({});
    expect(running!.rooms.registry.keyState(first.key)).toBe("open");
  }
  await close();
});

test("a restored backup never signs while the one peer that knows more cannot be reached", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const backup = await first.running!.store.backup();
  consortium.alert(first, "198.51.100.66");
  await consortium.settle();
  const known = first.running!.rooms.feeds.size(first.key);
  for (const plant of consortium.plants) await consortium.stop(plant);
  first.disk = backup;
  await consortium.start(first); // the chain has anchored more than the backup holds
  consortium.alert(first, "198.51.100.77");
  await consortium.settle();
  const { node, rooms } = first.running!;
  expect(node.ownFeed.state().open).toBe(false);
  expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "feed.sizeUnknown" }));
  expect(rooms.feeds.size(first.key)).toBeLessThan(known);
  expect(rooms.detections.pendingCount()).toBe(2); // sensed and kept: the backup's second line is read again
  expect(first.control.inForce.has(id)).toBe(true); // what protects goes on
  await consortium.start(consortium.plant(3));
  await consortium.settle();
  expect(rooms.feeds.size(first.key)).toBeGreaterThan(known);
  expect(rooms.detections.pendingCount()).toBe(0);
  expect(node.alarms()).not.toContainEqual(expect.objectContaining({ code: "feed.sizeUnknown" }));
  await close();
});

test("alone, without chain and peers, a plant senses and keeps and does not sign", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const size = first.running!.rooms.feeds.size(first.key);
  for (const plant of consortium.plants) await consortium.stop(plant);
  first.chain.setReachable(false);
  await consortium.start(first);
  consortium.alert(first, "198.51.100.66");
  await consortium.settle();
  const { node, rooms } = first.running!;
  expect(rooms.feeds.size(first.key)).toBe(size);
  expect(rooms.detections.pendingCount()).toBe(1);
  expect(node.alarms().map(({ code }) => code)).toEqual(
    expect.arrayContaining(["feed.sizeUnknown", "chain.unreachable"]),
  );
  // Somebody answers: it goes on by itself.
  await consortium.start(consortium.plant(2));
  await consortium.settle();
  expect(rooms.detections.pendingCount()).toBe(0);
  expect(rooms.feeds.size(first.key)).toBeGreaterThan(size);
  await close();
});

test("a control that has to act before the own feed may be signed is not at fault", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) await consortium.stop(plant);
  first.chain.setReachable(false);
  await consortium.start(first);
  for (let i = 0; i < 2; i++) {
    consortium.world.advance(25 * 3_600_000); // what is in force expires, once renewed by those who joined in
    await consortium.settle();
  }
  const { node, rooms } = first.running!;
  expect(first.control.inForce.has(id)).toBe(false);
  expect(node.vaccinate.faults()).toEqual({});
  expect(rooms.vaccinations.get(id, "edge")?.state).toBe("ended");
  await consortium.start(consortium.plant(2));
  await consortium.settle();
  // The receipt was kept and is signed now.
  const receipts = [...consortium.plant(2).running!.rooms.memory.record(id)!.receipts.values()];
  expect(receipts.find(({ feed }) => feed === first.key)?.receipt.state).toBe("undone");
  await close();
});

test("two processes with one key: the alarm closes signing in both", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const twin = { ...first, running: undefined, disk: await first.running!.store.backup() };
  await consortium.start(twin);
  consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  for (const { running } of [first, twin]) {
    const { node, rooms } = running!;
    expect(node.ownFeed.state().open).toBe(false);
    expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "feed.cloned" }));
    expect(rooms.feeds.size(first.key)).toBe(0);
  }
  expect(first.running!.rooms.detections.pendingCount()).toBe(1);
  await consortium.stop(twin);
  await close();
});

test("a peer that claims to hold more of this node's feed without proof stops nobody", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const [first, liar] = [consortium.plant(1), consortium.plant(4)];
  const peers = consortium.network.join(liar.key);
  const answer = {
    answer: "vector" as const,
    items: [{ feed: first.key, size: 1_000_000, root8: "0x0011223344556677" as const }],
  };
  await peers.start({
    isMember: () => true,
    onMessage: async () => ({ verdict: "accept" }),
    onHave: () => answer,
    onGet: async () => [],
    onProve: async () => [],
    onBlindingKey: () => new Uint8Array(32),
    onSelf() {},
    onConnect() {},
    onDisconnect() {},
  });
  await consortium.start(first);
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  expect(first.running!.node.ownFeed.state().open).toBe(true);
  expect(consortium.status(first, id)).toBe("proposed");
  await peers.stop();
  await close();
});

test("a feed with two histories is not stored further, is proved and closed on the chain", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const liar = consortium.plant(4);
  const honest = [1, 2, 3].map(consortium.plant);
  for (const plant of honest) await consortium.start(plant);
  await consortium.until(() => honest.every(({ running }) => running!.node.ownFeed.state().open));

  const story = writeFeed(ledger.hasher, liar.privateKey);
  story.append(...[1, 2, 3].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const other = story.fork(1);
  other.append(...[4, 5, 6].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const { node, rooms } = honest[0]!.running!;
  expect(await node.admit.message(liar.key, story.bytes())).toEqual({ verdict: "accept" });

  const peers = consortium.network.join(liar.key);
  await peers.start({
    isMember: () => true,
    onMessage: async () => ({ verdict: "accept" }),
    onHave: () => ({ answer: "same" }),
    onGet: async () => [other.bytes()],
    onProve: async (_from, _feed, m, n) => other.prove(m, n),
    onBlindingKey: () => new Uint8Array(32),
    onSelf() {},
    onConnect() {},
    onDisconnect() {},
  });
  await consortium.second();
  expect(await node.admit.message(liar.key, other.bytes())).toEqual({
    verdict: "reject",
    code: "feed.equivocation",
  });
  expect(rooms.feeds.size(liar.key)).toBe(3);
  await consortium.settle();
  for (const { running } of honest) expect(running!.rooms.registry.keyState(liar.key)).toBe("closed");
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await peers.stop();
  await close();
});

test("a shorter second history is proved from what is held, without the liar's help", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const liar = consortium.plant(4);
  const first = consortium.plant(1);
  await consortium.start(first);
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(...[1, 2, 3, 4, 5].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const other = story.fork(1);
  other.append(contentOf(observable("198.51.100.9")), contentOf(observable("198.51.100.10")));
  const { node } = first.running!;
  await node.admit.message(liar.key, story.bytes());
  expect(await node.admit.message(consortium.plant(2).key, other.bytes())).toEqual({
    verdict: "reject",
    code: "feed.equivocation",
  });
  await consortium.settle();
  expect(first.running!.rooms.registry.keyState(liar.key)).toBe("closed");
  await close();
});

test("plants that were told different histories agree once the key is closed", async () => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const liar = consortium.plant(4);
  const [a, b, c] = [1, 2, 3].map(consortium.plant) as [typeof liar, typeof liar, typeof liar];
  for (const plant of [a, b, c]) await consortium.start(plant);
  await consortium.until(() => [a, b, c].every(({ running }) => running!.node.ownFeed.state().open));
  for (const [x, y] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    consortium.network.cut(x.key, y.key);

  const story = writeFeed(ledger.hasher, liar.privateKey);
  story.append(...[1, 2, 3].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const other = story.fork(1);
  other.append(contentOf(observable("198.51.100.9")), contentOf(observable("198.51.100.10")));
  await a.running!.node.admit.message(liar.key, story.bytes());
  await b.running!.node.admit.message(liar.key, other.bytes());
  for (const [x, y] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    consortium.network.mend(x.key, y.key);
  await consortium.settle();
  for (const { running } of [a, b, c]) expect(running!.rooms.registry.keyState(liar.key)).toBe("closed");
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
  await close();
});

test.each([
  ["shorter", true],
  ["longer", false],
])("of two histories the anchored one counts, be it the %s one", async (_name, isShort) => {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const { ledger } = consortium;
  const liar = consortium.plant(4);
  const [a, b, c] = [1, 2, 3].map(consortium.plant) as [TestPlant, TestPlant, TestPlant];
  for (const plant of [a, b, c]) await consortium.start(plant);
  await consortium.until(() => [a, b, c].every(({ running }) => running!.node.ownFeed.state().open));
  const paths = [
    [a, b],
    [a, c],
    [b, c],
  ] as const;
  for (const [x, y] of paths) consortium.network.cut(x.key, y.key);
  const say = (address: string, stance: 1 | 2) =>
    stanceOf(ledger.hasher, liar.privateKey, { subject: subjectOfForm(observable(address)), stance });
  const story = writeFeed(ledger.hasher, liar.privateKey);
  story.append(contentOf(observable("203.0.113.1")), say("203.0.113.1", 1));
  const other = story.fork(1);
  other.append(say("203.0.113.1", 2), contentOf(observable("203.0.113.2")), say("203.0.113.2", 1));
  await a.running!.node.admit.message(liar.key, story.bytes());
  await b.running!.node.admit.message(liar.key, other.bytes());
  b.chain.setReachable(false);
  await consortium.settle(); // what a was told is anchored
  expect(a.running!.rooms.registry.anchored(liar.key)?.size).toBe(2);
  if (!isShort) {
    b.chain.setReachable(true); // and then, since it is longer, what b was told
    await consortium.until(() => a.running!.rooms.registry.anchored(liar.key)?.size === 4);
  }
  for (const [x, y] of paths) consortium.network.mend(x.key, y.key);
  await consortium.until(() => a.running!.rooms.registry.keyState(liar.key) === "closed");
  b.chain.setReachable(true);
  await consortium.settle();
  const saidOf = ({ running }: TestPlant, address: string) =>
    running!.rooms.memory.stances(subjectOfForm(observable(address))).get(4 as never)?.register.stance;
  for (const plant of [a, b, c]) {
    expect(plant.running!.rooms.registry.keyState(liar.key)).toBe("closed");
    expect(saidOf(plant, "203.0.113.1")).toBe(isShort ? 1 : 2);
    expect(saidOf(plant, "203.0.113.2")).toBe(isShort ? undefined : 1);
  }
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
  await close();
});
