/** No second history is ever signed: restored backups, lonely starts, twins, and what is done about a key that lied. */
import { expect, test } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { type Consortium, makeConsortium, type TestPlant } from "../support/consortium.ts";
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
    await ledger.connect().anchor([other.head()]); // and then, since it is longer, what b was told
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

/** Plants 1 to 3 run, plant 4's key is in a test's hands. */
async function makeLiar() {
  const [consortium, close] = await makeConsortium(4, { start: false });
  const liar = consortium.plant(4);
  const honest = [1, 2, 3].map(consortium.plant) as [TestPlant, TestPlant, TestPlant];
  for (const plant of honest) await consortium.start(plant);
  await consortium.until(() => honest.every(({ running }) => running!.node.ownFeed.state().open));
  return { consortium, close, liar, honest };
}

const DEAF: Parameters<ReturnType<Consortium["network"]["join"]>["start"]>[0] = {
  isMember: () => true,
  onMessage: async () => ({ verdict: "accept" }),
  onHave: () => ({ answer: "same" }),
  onGet: async () => [],
  onProve: async () => [],
  onBlindingKey: () => new Uint8Array(32),
  onSelf() {},
  onConnect() {},
  onDisconnect() {},
};

test("a feed whose second history cannot be proved yet is taken no further, over a restart too, until somebody gives the path", async () => {
  const { consortium, close, liar, honest } = await makeLiar();
  const [a, b] = honest;
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(...[1, 2, 3].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const other = story.fork(1);
  other.append(...[4, 5, 6].map((i) => contentOf(observable(`203.0.113.${i}`))));
  for (const plant of honest) plant.chain.setReachable(false);
  await a.running!.node.admit.message(liar.key, story.bytes());
  // Nobody holds the greater history but the liar, who does not answer.
  expect(await a.running!.node.admit.message(b.key, other.bytes())).toEqual({
    verdict: "reject",
    code: "feed.equivocation",
  });
  for (const restarted of [false, true]) {
    if (restarted) {
      consortium.crash(a);
      await consortium.start(a);
    }
    await consortium.live(5);
    const { node, rooms } = a.running!;
    story.append(contentOf(observable(`198.51.100.${restarted ? 2 : 1}`)));
    expect(await node.admit.message(liar.key, story.bytes(3))).toEqual({
      verdict: "ignore",
      code: "feed.equivocation",
    });
    expect(rooms.feeds.size(liar.key)).toBe(3);
    expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "feed.equivocation" }));
    expect(rooms.registry.keyState(liar.key)).toBe("open");
  }
  // First a lie, then the path.
  const peers = consortium.network.join(liar.key);
  await peers.start({ ...DEAF, onProve: async (_from, _feed, m, n) => story.prove(m, n) });
  for (const plant of honest) plant.chain.setReachable(true);
  await consortium.live(5);
  expect(a.running!.rooms.registry.keyState(liar.key)).toBe("open");
  await peers.stop();
  const honestPeers = consortium.network.join(liar.key);
  await honestPeers.start({ ...DEAF, onProve: async (_from, _feed, m, n) => other.prove(m, n) });
  await consortium.settle();
  for (const { running } of honest) {
    expect(running!.rooms.registry.keyState(liar.key)).toBe("closed");
    expect(running!.node.alarms()).toEqual([]);
  }
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await honestPeers.stop();
  await close();
});

test("a history anchored behind everybody's back is proved from the transaction that anchored it", async () => {
  const { consortium, close, liar, honest } = await makeLiar();
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(...[1, 2, 3].map((i) => contentOf(observable(`203.0.113.${i}`))));
  const other = story.fork(1);
  other.append(contentOf(observable("198.51.100.9")));
  await consortium.ledger.connect().anchor([other.head()]);
  await honest[0].running!.node.admit.message(liar.key, story.bytes());
  await consortium.settle();
  for (const { running } of honest) expect(running!.rooms.registry.keyState(liar.key)).toBe("closed");
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await close();
});

test("who joins after the key was closed holds of its feed what everybody holds: up to the anchored size", async () => {
  const { consortium, close, liar, honest } = await makeLiar();
  const [a, b, late] = honest;
  await consortium.stop(late);
  late.disk = createMemoryStore();
  const say = (address: string) =>
    stanceOf(consortium.ledger.hasher, liar.privateKey, { subject: subjectOfForm(observable(address)) });
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(contentOf(observable("203.0.113.1")), say("203.0.113.1"));
  await a.running!.node.admit.message(liar.key, story.bytes());
  await consortium.settle();
  expect(a.running!.rooms.registry.anchored(liar.key)?.size).toBe(2);
  a.chain.setReachable(false);
  b.chain.setReachable(false);
  const other = story.fork(1);
  other.append(contentOf(observable("198.51.100.9")));
  story.append(contentOf(observable("203.0.113.2")), say("203.0.113.2")); // held, never anchored
  await a.running!.node.admit.message(liar.key, story.bytes(2));
  await consortium.live(5);
  await a.running!.node.admit.message(b.key, other.bytes());
  a.chain.setReachable(true);
  b.chain.setReachable(true);
  await consortium.until(() => a.running!.rooms.registry.keyState(liar.key) === "closed");
  await consortium.settle();
  await consortium.start(late);
  await consortium.settle();
  const at = a.running!.rooms.registry.anchored(liar.key)!.size;
  for (const { running } of honest) {
    const { memory, registry } = running!.rooms;
    expect(registry.keyState(liar.key)).toBe("closed");
    expect(memory.stances(subjectOfForm(observable("203.0.113.1"))).has(4 as never)).toBe(true);
    expect(memory.stances(subjectOfForm(observable("203.0.113.2"))).has(4 as never)).toBe(at === 4);
  }
  expect(late.running!.rooms.feeds.size(liar.key)).toBe(at);
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await close();
});

test("a feed that has ended is handed on by nodes that joined later, under its anchored head", async () => {
  const { consortium, close, liar, honest } = await makeLiar();
  const [first, second, third] = honest;
  for (const plant of [second, third]) {
    await consortium.stop(plant);
    plant.disk = createMemoryStore();
  }
  const say = (address: string) =>
    stanceOf(consortium.ledger.hasher, liar.privateKey, { subject: subjectOfForm(observable(address)) });
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(contentOf(observable("203.0.113.1")), say("203.0.113.1"));
  await first.running!.node.admit.message(liar.key, story.bytes());
  await consortium.until(() => first.running!.rooms.registry.anchored(liar.key)?.size === 2);
  first.chain.setReachable(false);
  story.append(contentOf(observable("203.0.113.2")), say("203.0.113.2")); // held, never anchored
  await first.running!.node.admit.message(liar.key, story.bytes(2));
  consortium.ledger.revokeNodeKey(4, liar.key);
  first.chain.setReachable(true);
  await consortium.settle();

  const holding = ({ running }: TestPlant) => running!.rooms.feeds.head(liar.key)?.size;
  const before = first.running!.rooms.feeds.head(liar.key);
  expect(before?.size).toBe(2);
  await consortium.start(second);
  await consortium.until(() => holding(second) === 2);
  await consortium.stop(first); // nobody is left who ever heard the liar
  await consortium.start(third);
  await consortium.until(() => holding(third) === 2);
  await consortium.stop(third);
  await consortium.start(third);
  expect(holding(third)).toBe(2);
  await consortium.start(first);
  await consortium.settle();
  for (const { running } of honest) {
    expect(running!.rooms.feeds.head(liar.key)).toEqual(before);
    const { memory } = running!.rooms;
    expect(memory.stances(subjectOfForm(observable("203.0.113.1"))).has(4 as never)).toBe(true);
    expect(memory.stances(subjectOfForm(observable("203.0.113.2"))).has(4 as never)).toBe(false);
  }
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(new Set(honest.map(({ running }) => running!.rooms.feeds.vectorHash())).size).toBe(1);
  await close();
});

test("of a key that was closed before anything was anchored nobody shows anything", async () => {
  const { consortium, close, liar, honest } = await makeLiar();
  for (const plant of honest) plant.chain.setReachable(false);
  const story = writeFeed(consortium.ledger.hasher, liar.privateKey);
  story.append(contentOf(observable("203.0.113.1")));
  await honest[0].running!.node.admit.message(liar.key, story.bytes());
  await consortium.settle();
  consortium.ledger.revokeNodeKey(4, liar.key);
  for (const plant of honest) plant.chain.setReachable(true);
  await consortium.settle();
  await consortium.live(2);
  for (const { running } of honest) {
    expect(running!.rooms.feeds.size(liar.key)).toBe(1);
    expect(running!.rooms.feeds.vector().map(({ feed }) => feed)).not.toContain(liar.key);
  }
  await close();
});

test("a virtual machine set back while it runs signs nothing before its peers have told its size", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const { node, rooms } = first.running!;
  const size = rooms.feeds.size(first.key);
  // Its clock is set right after the resume: that shows it, before the next alert is signed.
  first.clock.offsetMs = 3_600_000;
  for (const other of [2, 3, 4]) consortium.network.cut(first.key, consortium.plant(other).key);
  first.chain.setReachable(false);
  consortium.alert(first, "198.51.100.66");
  await consortium.live(3);
  expect(rooms.feeds.size(first.key)).toBe(size);
  expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "feed.sizeUnknown" }));
  first.clock.offsetMs = 0;
  for (const other of [2, 3, 4]) consortium.network.mend(first.key, consortium.plant(other).key);
  first.chain.setReachable(true);
  await consortium.settle();
  expect(rooms.feeds.size(first.key)).toBeGreaterThan(size);
  expect(rooms.registry.keyState(first.key)).toBe("open");
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await close();
});
