import { memoryHash } from "@anamnesis/sdk/core/status";
import { uidOf } from "@anamnesis/sdk/core/typed-data";
import type { MemberNumber } from "@anamnesis/sdk/core/types";
import { beforeEach, describe, expect, it } from "vitest";
import type { FakeLedger } from "../../../node/src/adapters/chain/fake-chain.ts";
import type { MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createRegistry, type Registry, type RegistryChange } from "../../../node/src/state/registry.ts";
import {
  addressOf,
  equivocate,
  FOUNDERS,
  newSubject,
  node,
  PARAMETERS,
  sign,
  signHead,
} from "../adapters/chain/fixtures.ts";
import { createTestClock, followLedger, makeLedger } from "../chain-world.ts";

describe("registry", () => {
  let ledger: FakeLedger;
  let store: MemoryStore;
  let registry: Registry;
  let index: () => Promise<void>;
  beforeEach(async () => {
    ledger = makeLedger(createTestClock());
    ({ store, registry, index } = await followLedger(ledger));
  });

  it("lets nobody in and agrees on nothing before the first block", async () => {
    const empty = await createRegistry(store.crash());
    const blank = await createRegistry((await followLedger(makeLedger(createTestClock()))).store);
    expect(empty.isMember(addressOf(node(1)))).toBe(true); // what was committed survives
    expect(blank.recordedAt()?.number).toBe(5);
    const nothing = await createRegistry(
      await import("../../../node/src/adapters/store/memory.ts").then((m) => m.createMemoryStore()),
    );
    expect([nothing.keys(), nothing.members(), [...nothing.activeMembers()]]).toEqual([[], [], []]);
    expect(nothing.recordedAt()).toBeUndefined();
    expect(nothing.parameters().members).toBeGreaterThan(1000);
  });

  it("knows members, keys and parameters", () => {
    expect(registry.members()).toEqual(
      FOUNDERS.map((account, i) => ({ number: i + 1, account, active: true })),
    );
    expect(registry.keys()).toEqual([1, 2, 3, 4].map((n) => addressOf(node(n))));
    expect(registry.memberOfKey(addressOf(node(3)))).toBe(3);
    expect(registry.parameters()).toEqual(PARAMETERS);
    expect(registry.keyState(addressOf("nobody"))).toBe("unknown");
  });

  it("tells in which blocks a key was active, also after it was closed and rolled back", async () => {
    const key = addressOf("replaced");
    const active = (blocks: readonly number[]) => blocks.map((block) => registry.isKeyActiveAt(key, block));
    const before = registry.recordedAt()!.number;
    expect(active([0, before, before + 1])).toEqual([false, false, undefined]);
    ledger.addNodeKey(2, key);
    ledger.mine();
    ledger.revokeNodeKey(2, key);
    await index();
    const [added, closed] = [before + 1, before + 3];
    expect(registry.key(key)).toMatchObject({ addedAtBlock: added, revokedAtBlock: closed });
    expect(active([before, added, closed - 1, closed, closed + 1])).toEqual([
      false,
      true,
      true,
      false,
      undefined,
    ]);
    // A suspended member's key is as active as before; whether the member counts is another question.
    ledger.suspend(2);
    await index();
    expect(active([added, closed - 1])).toEqual([true, true]);
    expect(registry.isKeyActiveAt(addressOf(node(2)), registry.recordedAt()!.number)).toBe(true);
    ledger.rollback(2);
    ledger.mine();
    await index();
    expect(active([added, closed - 1, closed])).toEqual([true, true, true]);
  });

  it.each([
    ["revoked", (l: FakeLedger) => l.revokeNodeKey(2, addressOf(node(2)))],
    ["suspended", (l: FakeLedger) => l.suspend(2)],
    ["closed", (l: FakeLedger) => l.connect().reportEquivocation(equivocate(l.hasher, node(2)))],
  ] as const)("refuses a key that is %s", async (state, act) => {
    await act(ledger);
    expect(registry.keyState(addressOf(node(2)))).toBe("open");
    await index();
    const key = addressOf(node(2));
    expect([registry.keyState(key), registry.isMember(key), registry.memberOfKey(key)]).toEqual([
      state,
      false,
      undefined,
    ]);
    expect(registry.isMember(addressOf(node(1)))).toBe(true);
    expect(registry.key(key)?.revokedAtBlock).toBe(state === "suspended" ? undefined : 6);
  });

  it("counts a member again after its reinstatement", async () => {
    ledger.suspend(2);
    await index();
    expect([...registry.activeMembers()]).toEqual([1, 3, 4]);
    ledger.reinstate(2);
    await index();
    expect([...registry.activeMembers()]).toEqual([1, 2, 3, 4]);
    expect(registry.keyState(addressOf(node(2)))).toBe("open");
  });

  it("keeps the last register of each member, every uid, and the greatest head", async () => {
    const chain = ledger.connect();
    const subject = newSubject();
    const first = sign(ledger.hasher, node(1), { subject, version: 1 });
    const second = sign(ledger.hasher, node(1), { subject, version: 2, stance: 3 });
    await chain.attest([first, sign(ledger.hasher, node(2), { subject })]);
    await chain.attest([second]);
    await chain.anchor([signHead(ledger.hasher, node(1), 5), signHead(ledger.hasher, node(1), 3)]);
    await index();
    expect(registry.recordedRegisters(subject).map((r) => [r.member, r.stance])).toEqual([
      [1, 3],
      [2, 1],
    ]);
    expect(registry.recordedUids.get(uidOf(ledger.hasher, first.attestation))).toBe(6);
    expect(registry.recordedUids.get(uidOf(ledger.hasher, second.attestation))).toBe(7);
    expect(registry.recordedUids.has(uidOf(ledger.hasher, sign(ledger.hasher, node(3)).attestation))).toBe(
      false,
    );
    expect(registry.anchored(addressOf(node(1)))).toEqual({
      size: 5,
      root: signHead(ledger.hasher, node(1), 5).root,
    });
    expect(registry.anchored(addressOf(node(2)))).toBeUndefined();
  });

  it("hashes the recorded registers, now and as they were at an earlier block", async () => {
    const chain = ledger.connect();
    const empty = registry.recordedHash();
    const item = sign(ledger.hasher, node(1));
    const { subject, content: _, ...word } = item.attestation;
    await chain.attest([item]);
    await index();
    const register = { member: 1 as MemberNumber, ...word, uid: uidOf(ledger.hasher, item.attestation) };
    expect(empty).toBe(memoryHash([]));
    expect(registry.recordedHash()).toBe(memoryHash([[subject, register]]));
    await chain.attest([sign(ledger.hasher, node(2), { subject })]);
    await index();
    expect(registry.recordedHash()).not.toBe(memoryHash([[subject, register]]));
    expect(await registry.recordedHashAt(6)).toBe(memoryHash([[subject, register]]));
    expect(await registry.recordedHashAt(5)).toBe(empty);
  });

  it("is the same after a restart, and after a crash before the sync it is as before", async () => {
    const subject = newSubject();
    await ledger.connect().attest([sign(ledger.hasher, node(1), { subject })]);
    await index();
    const again = await createRegistry(store.crash());
    expect(again.recordedAt()).toEqual(registry.recordedAt());
    expect(again.recordedRegisters(subject)).toEqual(registry.recordedRegisters(subject));
    expect(again.recordedHash()).toBe(registry.recordedHash());
    expect(again.keys()).toEqual(registry.keys());
  });

  it("does not answer from a page whose commit failed", async () => {
    const { store: broken, registry: torn, index: again } = await followLedger(ledger);
    ledger.suspend(1);
    broken.failWith(new Error("disk full"));
    await expect(again()).rejects.toThrow("disk full");
    expect(torn.keyState(addressOf(node(1)))).toBe("open");
    broken.failWith(undefined);
    await again();
    expect(torn.keyState(addressOf(node(1)))).toBe("suspended");
  });

  it("tells what changed", async () => {
    const changes: RegistryChange[] = [];
    registry.onChange((change) => changes.push(change));
    const item = sign(ledger.hasher, node(1));
    await ledger.connect().attest([item]);
    await index();
    ledger.suspend(3);
    await index();
    ledger.rollback(2);
    await index();
    const { subject } = item.attestation;
    expect(changes.map((c) => [c.block.number, [...c.subjects], c.membership, c.rolledBack])).toEqual([
      [6, [subject], false, false],
      [7, [], true, false],
      [5, [subject], true, true],
    ]);
  });
});
