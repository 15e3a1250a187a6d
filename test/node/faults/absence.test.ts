/** Plants that were off, members that come and go, keys that are taken back. */
import { expect, test } from "vitest";
import { type Consortium, makeConsortium, type TestPlant } from "../support/consortium.ts";

const attest = (plant: TestPlant, id: string, stance: 1 | 2 | 3) =>
  plant.running!.commands.attest(id, stance, 90);

function expectAgreement(consortium: Consortium): void {
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  expect(new Set(consortium.recordedHashes()).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
}

test("a plant that was off during the attack is protected on its return", async () => {
  const [consortium, close] = await makeConsortium(4);
  const last = consortium.plant(4);
  await consortium.stop(last);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  const beforeMs = consortium.world.monotonicMs();
  await consortium.start(last);
  await consortium.until(() => last.control.inForce.get(id)?.action === "block");
  expect(consortium.world.monotonicMs() - beforeMs).toBeLessThanOrEqual(5000);
  await consortium.settle();
  expectAgreement(consortium);
  await close();
});

test("an attack that goes on at one plant keeps every plant protected", async () => {
  const [consortium, close] = await makeConsortium(4);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  for (let hour = 0; hour < 80; hour += 20) {
    consortium.world.advance(20 * 3_600_000);
    consortium.alert(consortium.plant(1), "203.0.113.7");
    await consortium.settle();
  }
  for (const plant of consortium.plants) expect(plant.control.inForce.get(id)?.action).toBe("block");
  // Over a day without it, and everything has expired.
  for (let hour = 0; hour < 100; hour += 25) {
    consortium.world.advance(25 * 3_600_000);
    await consortium.settle();
  }
  for (const plant of consortium.plants) expect(plant.control.inForce.size).toBe(0);
  // It is back at one plant: everybody is protected again.
  consortium.alert(consortium.plant(2), "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) expect(plant.control.inForce.get(id)?.action).toBe("block");
  expectAgreement(consortium);
  await close();
});

test("a plant that was off during attack and refutation never applies it", async () => {
  const [consortium, close] = await makeConsortium(4);
  const last = consortium.plant(4);
  await consortium.stop(last);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  await attest(consortium.plant(2), id, 2);
  await attest(consortium.plant(3), id, 2);
  await consortium.settle();
  expect(consortium.status(consortium.plant(1), id)).toBe("refuted");
  expect(consortium.plant(1).control.inForce.has(id)).toBe(false);
  const applied = last.control.calls.length;
  const wasApplied: string[] = [];
  const { compile } = last.control;
  last.control.compile = (form, action, self) => {
    wasApplied.push(action);
    return compile(form, action, self);
  };
  await consortium.start(last);
  await consortium.settle();
  expect(consortium.status(last, id)).toBe("refuted");
  expect(last.control.inForce.size).toBe(0);
  expect(wasApplied).not.toContain("block");
  expect(last.control.calls.slice(applied).length).toBeGreaterThan(0);
  expectAgreement(consortium);
  await close();
});

test("two nodes of one member attest at once and one withdraws: the withdraw stands everywhere", async () => {
  const [consortium, close] = await makeConsortium(5, { membership: [1, 1, 2, 3, 4] });
  const [a, b] = [consortium.plant(1), consortium.plant(2)];
  const id = consortium.alert(a, "203.0.113.7");
  await consortium.settle();
  // They cannot hear each other: one takes it back, the other sees the attack a little later.
  for (const other of consortium.plants) if (other !== b) consortium.network.cut(b.key, other.key);
  await attest(a, id, 3);
  const later = consortium.alert(b, "203.0.113.7");
  expect(later).toBe(id);
  b.clock.offsetMs = 5000;
  await consortium.until(() => consortium.view(b, id)?.sightings.count === 2, 30).catch(() => undefined);
  for (const other of consortium.plants) if (other !== b) consortium.network.mend(b.key, other.key);
  await consortium.settle();
  const subject = a.running!.rooms.memory.subject(id)!;
  for (const plant of consortium.plants) {
    const { rooms } = plant.running!;
    expect(rooms.memory.stances(subject).get(1 as never)?.register.stance).toBe(3);
    expect(rooms.registry.recordedRegister(subject, 1 as never)?.stance).toBe(3);
  }
  expectAgreement(consortium);
  await close();
});

test("a sibling's support that beats a withdraw is signed over, also after a restart in between", async () => {
  const [consortium, close] = await makeConsortium(5, { membership: [1, 1, 2, 3, 4] });
  const [a, b, c] = [consortium.plant(1), consortium.plant(2), consortium.plant(3)];
  for (const other of consortium.plants) if (other !== b) consortium.network.cut(b.key, other.key);
  await consortium.stop(b);
  const id = consortium.alert(c, "203.0.113.7");
  await consortium.settle();
  await attest(a, id, 3);
  await consortium.settle();
  // The sibling hears of the attack only, from a consortium that had not heard the withdraw: it supports.
  consortium.plants.forEach((plant) => {
    plant.chain.setReachable(false);
  });
  await consortium.start(b);
  consortium.alert(b, "203.0.113.7");
  await consortium.stop(a);
  consortium.network.mend(b.key, c.key);
  await consortium.settle();
  await consortium.start(a);
  consortium.plants.forEach((plant) => {
    plant.chain.setReachable(true);
  });
  for (const other of consortium.plants) if (other !== b) consortium.network.mend(b.key, other.key);
  await consortium.settle();
  const subject = a.running!.rooms.memory.subject(id)!;
  for (const plant of consortium.plants)
    expect(plant.running!.rooms.memory.stances(subject).get(1 as never)?.register.stance).toBe(3);
  expectAgreement(consortium);
  await close();
});

test("what an operator releases again after a withdraw stands", async () => {
  const [consortium, close] = await makeConsortium(5, {
    membership: [1, 1, 2, 3, 4],
    policy: (number) => (number === 1 ? { release: { automatic: [], tlp: "green", validityDays: 30 } } : {}),
  });
  const a = consortium.plant(1);
  const id = consortium.alert(a, "203.0.113.7");
  await consortium.settle();
  await a.running!.commands.release(id);
  await consortium.settle();
  await attest(a, id, 3);
  await consortium.settle();
  consortium.alert(a, "203.0.113.7");
  await consortium.settle();
  await a.running!.commands.release(id);
  await consortium.settle();
  const subject = a.running!.rooms.memory.subject(id)!;
  for (const plant of consortium.plants)
    expect(plant.running!.rooms.memory.stances(subject).get(1 as never)?.register.stance).toBe(1);
  expectAgreement(consortium);
  await close();
});

test("a suspended member does not count, and counts again as it stands after reinstatement", async () => {
  const [consortium, close] = await makeConsortium(4, {
    validate: (plant) =>
      plant === 4
        ? { ok: false, code: "validation.insufficient", reason: "nothing benign was recorded" }
        : {
            ok: true,
            result: { events: 2000, hours: 1, hits: 0, dataset: `0x${"da".repeat(32)}` as never },
          },
  });
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  const others = [1, 2, 4].map(consortium.plant);
  for (const plant of others) expect(consortium.status(plant, id)).toBe("attested");
  consortium.ledger.suspend(3);
  await consortium.settle();
  for (const plant of others) {
    expect(consortium.status(plant, id)).toBe("proposed");
    expect(plant.control.inForce.get(id)?.action).not.toBe("block");
  }
  expectAgreement(consortium);
  consortium.ledger.reinstate(3);
  await consortium.settle();
  for (const plant of others) {
    expect(consortium.status(plant, id)).toBe("attested");
    expect(plant.control.inForce.get(id)?.action).toBe("block");
  }
  expectAgreement(consortium);
  await close();
});

test("what a suspended member said before is the same everywhere while the chain still takes it", async () => {
  const [consortium, close] = await makeConsortium(4);
  const third = consortium.plant(3);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  // Its last word is held by peers and not anchored when the suspension comes.
  for (const plant of consortium.plants) plant.chain.setReachable(false);
  await attest(third, id, 3);
  await consortium.second();
  await consortium.stop(third);
  consortium.ledger.suspend(3);
  for (const plant of consortium.plants) plant.chain.setReachable(true);
  await consortium.settle();
  expectAgreement(consortium);
  const before = consortium.heldHashes()[0];
  // A restart projects the same.
  const second = consortium.plant(2);
  consortium.crash(second);
  await consortium.start(second);
  await consortium.settle();
  expect(second.running!.rooms.memory.heldHash()).toBe(before);
  expectAgreement(consortium);
  await close();
});

test("a revoked key's registers stay and its feed counts up to the anchored size, also after a restart", async () => {
  const [consortium, close] = await makeConsortium(4);
  const third = consortium.plant(3);
  const id = consortium.alert(third, "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) plant.chain.setReachable(false);
  await attest(third, id, 3); // said, held by all, never anchored
  await consortium.settle();
  for (const plant of consortium.plants) expect(consortium.view(plant, id)?.members).not.toContain(3);
  await consortium.stop(third);
  consortium.ledger.revokeNodeKey(3, third.key);
  for (const plant of consortium.plants) plant.chain.setReachable(true);
  await consortium.settle();
  const rest = [1, 2, 4].map(consortium.plant);
  // What was anchored counts as it stood; what came after does not.
  for (const plant of rest) expect(consortium.view(plant, id)?.members).toContain(3);
  expectAgreement(consortium);
  const before = consortium.heldHashes()[0];
  for (const plant of rest) {
    consortium.crash(plant);
    await consortium.start(plant);
  }
  await consortium.settle();
  expect(new Set(consortium.heldHashes())).toEqual(new Set([before]));
  expectAgreement(consortium);
  // A newcomer holds the same.
  await close();
});
