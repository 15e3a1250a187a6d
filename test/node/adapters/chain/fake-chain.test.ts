import { describe, expect, it } from "vitest";
import { createFakeLedger } from "../../../../node/src/adapters/chain/fake-chain.ts";
import { addressOf, BLINDING_KEY_HASH, FOUNDERS, node, PARAMETERS, sign } from "./fixtures.ts";
import { describeChain } from "./suite.ts";

const options = {
  founders: FOUNDERS,
  parameters: PARAMETERS,
  blindingKeyHash: BLINDING_KEY_HASH,
  clock: { nowMs: () => 1_764_000_000_000 },
};

describeChain("fake", async () => {
  const ledger = createFakeLedger(options);
  for (const n of [1, 2, 3, 4]) ledger.addNodeKey(n, addressOf(node(n)));
  const chain = ledger.connect();
  const other = ledger.connect();
  return {
    chain,
    other,
    hasher: ledger.hasher,
    rollback: async (blocks) => ledger.rollback(blocks),
    mine: async () => ledger.mine(),
    suspend: async (member) => ledger.suspend(member),
    reinstate: async (member) => ledger.reinstate(member),
    setParameters: async (parameters) => ledger.setParameters(parameters),
    addNodeKey: async (member, name) => ledger.addNodeKey(member, addressOf(name)),
    revokeNodeKey: async (member, key) => ledger.revokeNodeKey(member, key),
    async stop() {
      await chain.stop();
      await other.stop();
    },
  };
});

describe("fake ledger", () => {
  it("is unreachable for one connection and not for the other", async () => {
    const ledger = createFakeLedger(options);
    const [far, near] = [ledger.connect(), ledger.connect()];
    far.setReachable(false);
    await expect(far.head()).rejects.toMatchObject({ code: "chain.unreachable" });
    await expect(far.attest([sign(ledger.hasher, node(1))])).rejects.toMatchObject({
      code: "chain.unreachable",
    });
    await expect(near.head()).resolves.toMatchObject({ number: 1 });
    far.setReachable(true);
    await expect(far.head()).resolves.toMatchObject({ number: 1 });
  });

  it("mines what waits in one block when told to", async () => {
    const ledger = createFakeLedger({ ...options, autoMine: false });
    ledger.addNodeKey(1, addressOf(node(1)));
    const chain = ledger.connect();
    const both = Promise.all([1, 2].map(() => chain.attest([sign(ledger.hasher, node(1))])));
    await Promise.resolve();
    await chain.head();
    ledger.mine();
    expect((await both).map((outcome) => outcome.block)).toEqual([3, 3]);
  });
});
