/** Feeds, chain and store compared, and made anew: every difference has its place, its field and both values. */
import type { IndicatorId, Subject } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, expect, test } from "vitest";
import { differencesOf } from "../../../node/src/flows/differences.ts";
import type { ChainEvent } from "../../../node/src/ports.ts";
import { type Consortium, makeConsortium, type RunningPlant, type TestPlant } from "../support/consortium.ts";

let consortium: Consortium;
let close: () => Promise<void>;
let first: TestPlant;
let id: IndicatorId;

beforeEach(async () => {
  [consortium, close] = await makeConsortium(4);
  first = consortium.plant(1);
  id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
});
afterEach(() => close());

const at = (plant: TestPlant) => plant.running as RunningPlant;
const subject = () => at(first).rooms.memory.subject(id) as Subject;
const kinds = (plant = first) => differencesOf(at(plant).rooms).counts;

/** Rebuilds at a plant; a test's chain is short enough for one answer. */
async function rebuild(plant: TestPlant, replace = false) {
  const view = await at(plant).node.rebuild(replace);
  if (view.state !== "done") throw new Error("a rebuild takes too long");
  return view;
}

/** Changes an event in a plant's store and starts it again on it. */
async function tamper(plant: TestPlant, change: (event: ChainEvent) => ChainEvent | undefined) {
  const { store } = at(plant);
  const ops = [];
  for await (const [key, value] of store.entries({ gte: "r/events/", lt: "r/events/\uffff" })) {
    const events = JSON.parse(Buffer.from(value).toString()) as ChainEvent[];
    const changed = events.flatMap((event) => change(event) ?? []);
    ops.push({ type: "put" as const, key, value: Buffer.from(JSON.stringify(changed)) });
  }
  await store.commit(ops);
  await consortium.stop(plant);
  await consortium.start(plant);
  await consortium.until(() => at(plant).node.ownFeed.state().open);
}

test("where all agree nothing is named, and a rebuild gives the same memory hashes", async () => {
  expect(differencesOf(at(first).rooms)).toEqual({ total: 0, counts: {}, listed: [] });
  const before = at(first).rooms.registry.recordedAt();
  const view = await rebuild(first);
  expect(view).toMatchObject({ equal: true, replaced: false, block: before?.number });
  expect(view.recorded.rebuilt).toBe(consortium.recordedHashes()[0]);
  expect(view.recorded.stored).toBe(view.recorded.inUse);
  expect(view.held.rebuilt).toBe(consortium.heldHashes()[0]);
});

test("what is held and not recorded is named by subject, member and uid, and time mends it", async () => {
  for (const plant of consortium.plants) plant.chain.setReachable(false);
  await at(first).commands.attest(id, 3, 0);
  const { listed } = differencesOf(at(first).rooms);
  const held = at(first)
    .rooms.memory.stances(subject())
    .get(1 as never)!.register;
  const recorded = at(first).rooms.registry.recordedRegister(subject(), 1 as never)!;
  expect(listed).toContainEqual(
    expect.objectContaining({
      kind: "register.field",
      subject: subject(),
      member: 1,
      field: expect.stringContaining("version, stance"),
      here: expect.stringContaining(held.uid),
      there: expect.stringContaining(recorded.uid),
      mends: "relay",
    }),
  );
  const fresh = consortium.alert(first, "198.51.100.66");
  await consortium.live(5);
  expect(kinds()["register.unrecorded"]).toBeGreaterThan(0);
  const named = differencesOf(at(first).rooms).listed.map(({ message }) => message);
  expect(named).toContainEqual(
    expect.stringContaining(`${at(first).rooms.memory.subject(fresh)}: member 1's stance is held and not`),
  );
  for (const plant of consortium.plants) plant.chain.setReachable(true);
  await consortium.settle();
  expect(differencesOf(at(first).rooms).total).toBe(0);
});

test("what is anchored and recorded and not held is named by feed and by member", async () => {
  const fourth = consortium.plant(4);
  for (const other of [1, 2, 3]) consortium.network.cut(fourth.key, consortium.plant(other).key);
  consortium.alert(first, "198.51.100.66");
  await consortium.live(20);
  const { listed } = differencesOf(at(fourth).rooms);
  const size = at(first).rooms.feeds.size(first.key);
  expect(listed).toContainEqual(
    expect.objectContaining({ kind: "feed.short", feed: first.key, there: String(size), mends: "sync" }),
  );
  expect(listed).toContainEqual(
    expect.objectContaining({ kind: "register.unheld", member: 1, field: "register", mends: "sync" }),
  );
  for (const other of [1, 2, 3]) consortium.network.mend(fourth.key, consortium.plant(other).key);
  await consortium.settle();
  expect(kinds(fourth)).toEqual({});
});

test("an event that was withheld is named, and replaced only when asked for", async () => {
  await tamper(first, (event) =>
    event.type === "Attested" && event.register.member === 3 ? undefined : event,
  );
  const told = await rebuild(first);
  expect(told).toMatchObject({ equal: false, replaced: false });
  expect(told.recorded.rebuilt).not.toBe(told.recorded.inUse);
  expect(told.differences.listed).toContainEqual(
    expect.objectContaining({
      kind: "registry.register",
      subject: subject(),
      member: 3,
      field: "register",
      here: "none",
    }),
  );
  expect(at(first).rooms.registry.recordedRegister(subject(), 3 as never)).toBeUndefined();
  expect(await rebuild(first, true)).toMatchObject({ equal: false, replaced: true });
  expect(at(first).rooms.registry.recordedHash()).toBe(at(consortium.plant(2)).rooms.registry.recordedHash());
  expect(at(first).node.alarms()).toEqual([]); // not a reorganisation
  expect(await rebuild(first)).toMatchObject({ equal: true });
  await consortium.stop(first);
  await consortium.start(first);
  await consortium.settle();
  expect(at(first).rooms.registry.recordedHash()).toBe(at(consortium.plant(2)).rooms.registry.recordedHash());
});

test("registers, keys, members and parameters that were changed are named with their fields", async () => {
  await tamper(first, (event) => {
    if (event.type === "Attested" && event.register.member === 2)
      return {
        ...event,
        register: { ...event.register, confidence: 7, uid: `0x${"77".repeat(32)}` as never },
      };
    if (event.type === "MemberAdmitted" && event.member === 4) return { ...event, account: first.key };
    if (event.type === "ParametersChanged")
      return { ...event, parameters: { ...event.parameters, refutes: 1 } };
    if (event.type === "FeedAnchored" && event.feed === consortium.plant(3).key)
      return { ...event, root: `0x${"33".repeat(32)}` as never };
    return event;
  });
  // A record in a member's name has another account, another threshold stands, a feed's root is another.
  const { differences } = await rebuild(first);
  for (const expected of [
    {
      kind: "registry.register",
      subject: subject(),
      member: 2,
      field: expect.stringContaining("confidence"),
    },
    { kind: "registry.member", member: 4, here: expect.stringContaining(first.key) },
    { kind: "registry.parameters", here: expect.stringContaining('"refutes":1') },
    { kind: "registry.key", feed: consortium.plant(3).key, here: expect.stringContaining("0x3333") },
  ])
    expect(differences.listed).toContainEqual(expect.objectContaining(expected));
  expect(await rebuild(first, true)).toMatchObject({ replaced: true });
  expect(await rebuild(first)).toMatchObject({ equal: true });
});

test("an item that is lost in the store, and one that is another, are named by feed and place", async () => {
  const { store } = at(first);
  const feed = consortium.plant(2).key;
  const keys = [];
  for await (const [key] of store.entries({ gte: `e/${feed}/`, lt: `e/${feed}/\uffff` })) keys.push(key);
  const other = store.get(`${keys[0]}`) as Uint8Array;
  await store.commit([
    {
      type: "put",
      key: keys[0] as string,
      value: other.map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte)),
    },
  ]);
  expect((await rebuild(first)).differences.listed).toContainEqual(
    expect.objectContaining({ kind: "feed.tree", feed, field: expect.stringMatching(/^(root at|subtree) /) }),
  );
  await store.commit([{ type: "del", key: keys[1] as string }]);
  expect((await rebuild(first)).differences.listed).toContainEqual(
    expect.objectContaining({
      kind: "feed.item",
      feed,
      field: expect.stringMatching(/^item \d+$/),
      here: "none",
    }),
  );
});

test("a memory that is not what the feeds say is named, and projected again when asked for", async () => {
  const { memory } = at(first).rooms;
  const right = memory.heldHash();
  const stance = memory.stances(subject()).get(2 as never)!;
  const attestation = { ...stance.attestation, version: stance.attestation.version + 5 };
  memory.applyStance(2 as never, { ...stance, attestation }, `0x${"99".repeat(32)}` as never);
  const view = await rebuild(first);
  expect(view.held).toEqual({ inUse: memory.heldHash(), rebuilt: right });
  expect(view.differences.counts).toEqual({ "memory.hash": 1 });
  expect(await rebuild(first, true)).toMatchObject({ replaced: true });
  expect(memory.heldHash()).toBe(right);
});

test("life goes on during a rebuild, and both agree at one block", async () => {
  const rebuilding = rebuild(first);
  consortium.alert(first, "198.51.100.66");
  await consortium.settle();
  expect(await rebuilding).toMatchObject({ equal: true });
  expect(await rebuild(first)).toMatchObject({ equal: true });
  expect(consortium.faults()).toEqual([]);
});

test("without the chain a rebuild says so, and the next one works", async () => {
  first.chain.setReachable(false);
  await expect(rebuild(first)).rejects.toMatchObject({ code: "chain.unreachable" });
  first.chain.setReachable(true);
  expect(await rebuild(first)).toMatchObject({ equal: true });
});
