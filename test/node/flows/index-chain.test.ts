import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FakeLedger } from "../../../node/src/adapters/chain/fake-chain.ts";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createIndexer, indexOnce } from "../../../node/src/flows/index-chain.ts";
import type { Chain } from "../../../node/src/ports.ts";
import { type ChainPage, createRegistry, type Registry } from "../../../node/src/state/registry.ts";
import { addressOf, newSubject, node, sign } from "../adapters/chain/fixtures.ts";
import { createTestClock, createTestLog, followLedger, makeLedger } from "../chain-world.ts";

/** All a registry says, to compare two. */
async function dump(registry: Registry) {
  const subjects = [...registry.recordedSubjects()].sort();
  return {
    at: registry.recordedAt(),
    members: registry.members(),
    keys: registry.keys().map((key) => [key, registry.key(key), registry.keyState(key)]),
    parameters: registry.parameters(),
    registers: subjects.map((subject) => [subject, registry.recordedRegisters(subject)]),
    uids: registry.recordedUids.size,
    hash: registry.recordedHash(),
    hashFromStore: await registry.recordedHashAt(registry.recordedAt()?.number ?? 0),
  };
}

/** What a node that starts now would make of the ledger. */
async function fresh(ledger: FakeLedger) {
  const { registry } = await followLedger(ledger);
  return dump(registry);
}

describe("indexOnce", () => {
  it("pages through a long history and ends at the head", async () => {
    const ledger = makeLedger(createTestClock());
    for (let i = 0; i < 30; i++) await ledger.connect().attest([sign(ledger.hasher, node(1))]);
    const registry = await createRegistry(createMemoryStore());
    const widths: number[] = [];
    const chain = ledger.connect();
    const counted = {
      ...chain,
      events: (from: number, to: number) => {
        widths.push(to - from + 1);
        return chain.events(from, to);
      },
    };
    expect(await indexOnce({ chain: counted, registry }, 7)).toMatchObject({ lag: 0 });
    expect(Math.max(...widths)).toBe(7);
    expect((await dump(registry)).registers).toEqual((await fresh(ledger)).registers);
  });

  it("stands still when nothing is new", async () => {
    const ledger = makeLedger(createTestClock());
    const { store, registry } = await followLedger(ledger);
    const before = store.commits;
    await indexOnce({ chain: ledger.connect(), registry });
    expect(store.commits).toBe(before);
  });

  it("walks back over a rollback of ten blocks and follows the new branch", async () => {
    const ledger = makeLedger(createTestClock());
    const { registry, index } = await followLedger(ledger);
    const chain = ledger.connect();
    const kept = sign(ledger.hasher, node(1));
    await chain.attest([kept]);
    await index();
    const lost = sign(ledger.hasher, node(1));
    for (let i = 0; i < 10; i++) {
      await chain.attest([i === 0 ? lost : sign(ledger.hasher, node(2))]);
      await index();
    }
    ledger.rollback(10);
    for (let i = 0; i < 3; i++) ledger.mine();
    await index();
    expect(registry.recordedRegisters(kept.attestation.subject)).toHaveLength(1);
    expect(registry.recordedRegisters(lost.attestation.subject)).toEqual([]);
    expect(await dump(registry)).toEqual(await fresh(ledger));
  });

  it("reads the chain from its beginning when no page end it knows is left", async () => {
    const ledger = makeLedger(createTestClock());
    const { registry, index } = await followLedger(ledger);
    for (let i = 0; i < 80; i++) {
      await ledger.connect().attest([sign(ledger.hasher, node(1))]);
      await index();
    }
    let lowest = Number.POSITIVE_INFINITY;
    registry.onChange(() => {
      lowest = Math.min(lowest, registry.keys().length);
    });
    ledger.rollback(79);
    ledger.addNodeKey(1, addressOf("second"));
    await index();
    expect(await dump(registry)).toEqual(await fresh(ledger));
    expect(lowest).toBe(5); // nobody was cut off meanwhile
  });

  it("follows a chain that lost its tail, and one that changes under a page", async () => {
    const ledger = makeLedger(createTestClock());
    const { registry, index } = await followLedger(ledger);
    const chain = ledger.connect();
    for (let i = 0; i < 5; i++) await chain.attest([sign(ledger.hasher, node(1))]);
    await index();
    ledger.rollback(3);
    await index();
    expect(await dump(registry)).toEqual(await fresh(ledger));
    let turned = false;
    const turning: Pick<Chain, "head" | "block" | "events"> = {
      head: chain.head,
      block: chain.block,
      async events(from, to) {
        const events = await chain.events(from, to);
        if (!turned) {
          turned = true;
          ledger.rollback(2);
          await chain.attest([sign(ledger.hasher, node(3))]);
          ledger.mine();
        }
        return events;
      },
    };
    await chain.attest([sign(ledger.hasher, node(2))]);
    const torn: number[] = [];
    const watching = {
      pages: registry.pages,
      async commit(page: ChainPage) {
        if ((await chain.block(page.to.number))?.hash !== page.to.hash) torn.push(page.to.number);
        await registry.commit(page);
      },
    };
    await indexOnce({ chain: turning, registry: watching });
    expect([turned, torn]).toEqual([true, []]);
    expect(await dump(registry)).toEqual(await fresh(ledger));
  });

  it("is after any history of writes, rollbacks and looks what a fresh start would be", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("attest" as const),
        member: fc.integer({ min: 1, max: 4 }),
        of: fc.integer({ min: 0, max: 3 }),
        version: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({ do: fc.constant("rollback" as const), blocks: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ do: fc.constantFrom<"index" | "mine" | "restart">("index", "mine", "restart") }),
      fc.record({
        do: fc.constant("govern" as const),
        active: fc.boolean(),
        member: fc.integer({ min: 1, max: 4 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const ledger = makeLedger(createTestClock());
        const chain = ledger.connect();
        let { store, registry } = await followLedger(ledger);
        const subjects = [0, 1, 2, 3].map(() => newSubject());
        for (const s of steps) {
          if (s.do === "attest") {
            const subject = subjects[s.of] as (typeof subjects)[0];
            await chain.attest([sign(ledger.hasher, node(s.member), { subject, version: s.version })]);
          } else if (s.do === "rollback")
            ledger.rollback(Math.min(s.blocks, (await chain.head()).number - 5));
          else if (s.do === "mine") ledger.mine();
          else if (s.do === "index") await indexOnce({ chain, registry });
          else if (s.do === "restart") {
            store = store.crash();
            registry = await createRegistry(store);
          } else if (s.do === "govern") {
            try {
              if (s.active) ledger.reinstate(s.member);
              else ledger.suspend(s.member);
            } catch {
              // too few members, or already so: the chain refuses and nothing happened
            }
          }
        }
        await indexOnce({ chain, registry });
        expect(await dump(registry)).toEqual(await fresh(ledger));
      }),
      { numRuns: 150 },
    );
  });
});

describe("indexer", () => {
  it("follows new heads, goes on without the chain and comes back by itself", async () => {
    const ledger = makeLedger(createTestClock());
    const registry = await createRegistry(createMemoryStore());
    const chain = ledger.connect();
    const log = createTestLog();
    const indexer = createIndexer({ chain, registry, log });
    const until = (number: number) =>
      new Promise<void>((resolve) => {
        const unsubscribe = registry.onChange(({ block }) => {
          if (block.number >= number) resolve(unsubscribe() as undefined);
        });
      });
    const first = until(5);
    indexer.start();
    await first;
    await indexer.kick();
    expect([indexer.reachable(), indexer.lag()]).toEqual([true, 0]);
    chain.setReachable(false);
    ledger.suspend(1);
    await indexer.kick();
    await indexer.kick();
    expect(indexer.reachable()).toBe(false);
    expect(registry.isMember(addressOf(node(1)))).toBe(true);
    const back = until(6);
    chain.setReachable(true);
    await back;
    expect(registry.isMember(addressOf(node(1)))).toBe(false);
    await indexer.stop();
    expect(log.lines.map((line) => line.event)).toEqual([
      "index.following",
      "index.paused",
      "index.following",
    ]);
  });
});
