/** Time, chain, disk, blinding key and the company's word: what happens when each of them fails. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { expect, test } from "vitest";
import { type Consortium, makeConsortium } from "../support/consortium.ts";
import { DAY_MS } from "../support/plant.ts";
import { detectionOf } from "../support/surroundings.ts";

function expectAgreement(consortium: Consortium): void {
  expect(new Set([...consortium.heldHashes(), ...consortium.recordedHashes()]).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
}

test.each([400, -400])("a clock that jumps by %d days and back breaks nothing", async (days) => {
  const [consortium, close] = await makeConsortium(4);
  const second = consortium.plant(2);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  second.clock.offsetMs = days * DAY_MS;
  await consortium.settle();
  const { node } = second.running!;
  expect(second.control.inForce.get(id)?.action ?? "observe").not.toBe("block"); // Self is stale: alert at most
  consortium.ledger.mine();
  consortium.ledger.mine();
  await consortium.settle();
  expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "clock.skew" }));
  // An attack in between reaches everybody else, and nothing is signed from the wrong time.
  const later = consortium.alert(consortium.plant(1), "198.51.100.66");
  consortium.alert(second, "198.51.100.77");
  await consortium.settle();
  for (const number of [1, 3, 4]) expect(consortium.status(consortium.plant(number), later)).toBe("attested");
  const jumped = consortium.world.nowMs() + days * DAY_MS;
  for (const [, stance] of second.running!.rooms.memory.allStances())
    expect(Math.abs(stance.register.version - jumped)).toBeGreaterThan(100 * DAY_MS);

  second.clock.offsetMs = 0;
  await consortium.settle();
  for (const plant of consortium.plants)
    expect(plant.control.inForce.get(later)?.action, `plant ${plant.number}`).toBe("block");
  // What ran out by the wrong clock comes back with the next sighting, and not by itself.
  consortium.alert(second, "203.0.113.7");
  await consortium.settle();
  expect(second.control.inForce.get(id)?.action).toBe("block");
  expectAgreement(consortium);
  await close();
});

test("everybody's clock jumps ahead by 400 days and back", async () => {
  const [consortium, close] = await makeConsortium(4);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) plant.clock.offsetMs = 400 * DAY_MS;
  await consortium.settle();
  for (const plant of consortium.plants) expect(consortium.status(plant, id)).toBe("dormant");
  for (const plant of consortium.plants) {
    consortium.crash(plant);
    await consortium.start(plant);
  }
  await consortium.settle();
  for (const plant of consortium.plants) plant.clock.offsetMs = 0;
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.status(plant, id)).toBe("attested");
    expect(plant.control.inForce.get(id)?.action).toBe("block");
  }
  expectAgreement(consortium);
  await close();
});

test("an attack that comes back after its validity is stated again", async () => {
  const [consortium, close] = await makeConsortium(4);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  consortium.world.advance(40 * DAY_MS);
  for (const plant of consortium.plants)
    plant.self = { ...plant.self, confirmedAtMs: consortium.world.nowMs() };
  consortium.ledger.mine();
  await consortium.settle();
  expect(consortium.status(consortium.plant(3), id)).toBe("dormant");
  consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.status(plant, id)).toBe("attested");
    expect(plant.control.inForce.get(id)?.action).toBe("block");
  }
  expectAgreement(consortium);
  await close();
});

test("without the chain everybody is warned and protected, and recorded follows by itself", async () => {
  const [consortium, close] = await makeConsortium(4);
  for (const plant of consortium.plants) plant.chain.setReachable(false);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.view(plant, id)).toMatchObject({ status: { name: "attested" }, recorded: false });
    expect(plant.control.inForce.get(id)?.action).toBe("block");
    expect(plant.running!.node.alarms()).toContainEqual(
      expect.objectContaining({ code: "chain.unreachable" }),
    );
  }
  for (const plant of consortium.plants) plant.chain.setReachable(true);
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.view(plant, id)).toMatchObject({ recorded: true });
    expect(plant.running!.node.alarms()).toEqual([]);
  }
  expectAgreement(consortium);
  await close();
});

test("a chain rolled back by ten blocks records everything again by itself", async () => {
  const [consortium, close] = await makeConsortium(4);
  for (let i = 0; i < 3; i++) {
    consortium.alert(consortium.plant(1), `203.0.113.${i + 1}`);
    await consortium.settle();
  }
  const before = consortium.recordedHashes()[0];
  const keys = 7; // blocks that founded the consortium and admitted its keys
  const { number } = consortium.plant(1).running!.rooms.registry.recordedAt()!;
  consortium.ledger.rollback(Math.min(10, number - keys));
  await consortium.settle();
  expect(consortium.recordedHashes()[0]).toBe(before);
  expectAgreement(consortium);
  await close();
});

test("a full disk is said clearly, and with room again everything goes on and is counted once", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const { store, rooms } = first.running!;
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  // Sensed, and then there is no room for the outcome.
  const review = { id: "" };
  for (let i = 0; i < 5; i++) consortium.alert(first, "203.0.113.7");
  review.id = consortium.alert(first, "198.51.100.66");
  const drained = first.running!.detector.drained();
  await drained;
  store.failWith(new AnamnesisError("store.full", "no room on the disk of the data directory; make some"));
  await consortium.live(30);
  expect(first.log).toContainEqual(
    expect.objectContaining({
      level: "warn",
      fields: expect.objectContaining({ message: expect.stringContaining("no room") }),
    }),
  );
  store.failWith(undefined);
  await consortium.settle();
  expect(rooms.detections.pendingCount()).toBe(0);
  for (const plant of consortium.plants) {
    expect(consortium.view(plant, id)?.sightings.count).toBe(6);
    expect(consortium.status(plant, review.id as never)).toBe("attested");
  }
  expectAgreement(consortium);
  await close();
});

test("a peer's full disk punishes nobody and is caught up with", async () => {
  const [consortium, close] = await makeConsortium(4);
  const second = consortium.plant(2);
  second.running!.store.failWith(new AnamnesisError("store.full", "no room"));
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.live(30);
  expect(second.running!.rooms.memory.record(id)).toBeUndefined();
  expect(second.running!.node.admit.counts().rejected).toEqual({});
  second.running!.store.failWith(undefined);
  await consortium.settle();
  expect(second.control.inForce.get(id)?.action).toBe("block");
  expectAgreement(consortium);
  await close();
});

test("without the blinding key nothing is signed; it is fetched, checked, and asked for elsewhere on a mismatch", async () => {
  const [consortium, close] = await makeConsortium(4, { withoutKey: [1], start: false });
  const [first, liar, honest] = [consortium.plant(1), consortium.plant(2), consortium.plant(3)];
  await consortium.start(first);
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const { rooms, node } = first.running!;
  expect(rooms.feeds.size(first.key)).toBe(0);
  expect(node.alarms()).toContainEqual(expect.objectContaining({ code: "blindingKey.missing" }));
  liar.blindingKey = new Uint8Array(32).fill(9);
  await consortium.start(liar);
  await consortium.settle();
  expect(rooms.memory.hasBlindingKey()).toBe(false);
  expect(first.log).toContainEqual(expect.objectContaining({ event: "blindingKey.mismatch" }));
  await consortium.start(honest);
  await consortium.settle();
  expect(rooms.memory.hasBlindingKey()).toBe(true);
  expect(first.blindingKey).toBeDefined();
  expect(consortium.status(honest, id)).not.toBe("none");
  await close();
});

const REVIEW = { release: { automatic: [], tlp: "green" as const, validityDays: 30 } };

test("review keeps everything at the plant, hold ends at its deadline, release lets it go", async () => {
  const [consortium, close] = await makeConsortium(4, { policy: () => REVIEW });
  const first = consortium.plant(1);
  const id = consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  const { rooms, commands } = first.running!;
  const nothingLeft = () => {
    for (const plant of consortium.plants) {
      expect(plant.running!.rooms.feeds.size(first.key)).toBe(0);
      expect(plant.running!.rooms.memory.record(id)).toBeUndefined();
      expect(plant.chain.written).toEqual({ attestations: 0, heads: 0 });
    }
  };
  expect(rooms.detections.candidate(id)).toMatchObject({
    state: "review",
    reason: "release.review",
    count: 1,
  });
  nothingLeft();
  await commands.hold(id, consortium.world.nowMs() + 3_600_000);
  consortium.alert(first, "203.0.113.7");
  await consortium.settle();
  expect(rooms.detections.candidate(id)).toMatchObject({ state: "held", count: 2 });
  nothingLeft();
  consortium.world.advance(3_600_000);
  await consortium.settle();
  expect(rooms.detections.candidate(id)).toMatchObject({ state: "review", reason: "release.holdEnded" });
  nothingLeft();
  await commands.release(id);
  await consortium.settle();
  expect(rooms.detections.candidate(id)).toBeUndefined();
  for (const plant of consortium.plants) expect(consortium.status(plant, id)).toBe("attested");
  expect(consortium.view(first, id)?.sightings.count).toBe(2);
  expectAgreement(consortium);
  await close();
});

test("an attack that fits into no entry is stopped with the reason and not tried for ever", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const url = `http://203.0.113.7/${"a".repeat(20_000)}`;
  consortium.alert(first, detectionOf("203.0.113.7", { observables: [{ kind: "url", value: url }] }));
  const id = consortium.alert(first, "198.51.100.66");
  await consortium.settle();
  const { rooms } = first.running!;
  expect(rooms.detections.pendingCount()).toBe(0);
  const [, poisoned] = await rooms.detections.recent(2);
  expect(poisoned?.outcome).toMatchObject({ kind: "stopped", stopped: [{ code: "entry.malformed" }] });
  for (const plant of consortium.plants) expect(consortium.status(plant, id)).toBe("attested");
  expectAgreement(consortium);
  await close();
});
