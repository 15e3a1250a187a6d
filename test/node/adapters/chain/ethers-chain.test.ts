import { readFile } from "node:fs/promises";
import { Interface, NamedFragment } from "ethers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GOVERNOR_ABI, MEMORY_ABI, REGISTRY_ABI } from "../../../../node/src/adapters/chain/abi.ts";
import { createEthersChain } from "../../../../node/src/adapters/chain/ethers-chain.ts";
import { enrolNodeKey, possessionOf, sendToRegistry } from "../../../../scripts/consortium/registry.ts";
import { callRpc } from "../../../../scripts/consortium/rpc.ts";
import { type Action, decide } from "../../../../scripts/consortium/vote.ts";
import { account, makeRealConsortium, SILENT, type TestConsortium } from "./consortium.ts";
import { addressOf, keyOf, node, sign } from "./fixtures.ts";
import { describeChain } from "./suite.ts";

describeChain("ethers on anvil", async () => {
  const [c, stop] = await makeRealConsortium();
  const members = [1, 2, 3].map((n) => account(`member ${n}`));
  let decisions = 0;
  const govern = (...action: Action) => decide(c.place, members, [action], `decision ${++decisions}`);
  return {
    chain: await c.connect("relay"),
    other: await c.connect("other relay"),
    hasher: c.hasher,
    rollback: async (blocks) => void (await callRpc(c.anvil.url, "anvil_rollback", [blocks])),
    mine: () => c.anvil.mine(),
    suspend: (member) => govern("suspend", member),
    reinstate: (member) => govern("reinstate", member),
    setParameters: (parameters) => govern("setParameters", parameters),
    addNodeKey(member, name) {
      const holder = account(`member ${member}`);
      return sendToRegistry(
        c.place,
        holder,
        "addNodeKey",
        possessionOf(c.place, holder.address, account(name)),
      );
    },
    revokeNodeKey: (member, key) =>
      sendToRegistry(c.place, account(`member ${member}`), "revokeNodeKey", [key]),
    stop,
  };
});

describe("ethers chain", () => {
  let c: TestConsortium;
  let close: () => Promise<void>;
  beforeAll(async () => {
    [c, close] = await makeRealConsortium({ maxBatch: 100 });
  });
  afterAll(() => close());

  const make = (changes: object, more: object = {}) =>
    createEthersChain({
      urls: [c.anvil.url],
      consortium: { ...c.consortium, ...changes },
      senders: [keyOf("stranger")],
      log: SILENT,
      pollMs: 20,
      ...more,
    });

  it("refuses a chain with another id, genesis or code", async () => {
    const zero = `0x${"00".repeat(32)}`;
    for (const changes of [
      { chainId: 1 },
      { genesisHash: zero },
      ...(["registry", "memory", "governor"] as const).flatMap((name) => [
        { codeHashes: { ...c.consortium.codeHashes, [name]: zero } },
        { [name]: addressOf("nobody") },
      ]),
    ]) {
      const chain = make(changes);
      await expect(chain.start()).rejects.toMatchObject({ code: "chain.mismatch" });
      await chain.stop();
    }
  });

  it("says that nothing answers and goes on at the next address", async () => {
    const nowhere = make({}, { urls: ["http://127.0.0.1:9"] });
    await expect(nowhere.start()).rejects.toMatchObject({ code: "chain.unreachable" });
    await nowhere.stop();
    const second = make({}, { urls: ["http://127.0.0.1:9", c.anvil.url] });
    await second.start();
    await expect(second.head()).resolves.toMatchObject({ number: expect.any(Number) });
    await second.stop();
  });

  it("takes a hundred items in one transaction", async () => {
    const chain = await c.connect("batch");
    const items = Array.from({ length: 100 }, (_, i) => sign(c.hasher, node(1 + (i % 4))));
    const { block, skipped } = await chain.attest(items);
    expect(skipped).toEqual([]);
    expect((await chain.events(block, block)).filter((e) => e.type === "Attested")).toHaveLength(100);
  });

  it("sends many transactions at once and loses none", async () => {
    const chain = await c.connect("busy");
    const items = Array.from({ length: 12 }, (_, i) => sign(c.hasher, node(1 + (i % 4))));
    const outcomes = await Promise.all(items.map((item) => chain.attest([item])));
    const from = Math.min(...outcomes.map((outcome) => outcome.block));
    const recorded = (await chain.events(from, (await chain.head()).number)).flatMap((e) =>
      e.type === "Attested" ? [e.subject] : [],
    );
    expect(new Set(recorded)).toEqual(new Set(items.map((item) => item.attestation.subject)));
  });

  it("finds its nonce again after a rollback, also past a transaction stranded in the pool", async () => {
    const chain = await c.connect("rolled");
    for (let i = 0; i < 6; i++) await chain.attest([sign(c.hasher, node(1))]);
    await callRpc(c.anvil.url, "anvil_rollback", [4]);
    for (let i = 0; i < 6; i++) {
      const item = sign(c.hasher, node(2));
      expect((await chain.attest([item])).skipped).toEqual([]);
    }
  });

  it("enrols a key once, and says why it cannot", async () => {
    const key = account("enrolled");
    expect(await enrolNodeKey(c.place, account("member 3"), key)).toBe(3);
    const before = (await callRpc(c.anvil.url, "eth_getTransactionCount", [
      addressOf("member 3"),
      "latest",
    ])) as string;
    expect(await enrolNodeKey(c.place, account("member 3"), key)).toBe(3);
    expect(await callRpc(c.anvil.url, "eth_getTransactionCount", [addressOf("member 3"), "latest"])).toBe(
      before,
    );
    await expect(enrolNodeKey(c.place, account("member 2"), key)).rejects.toMatchObject({
      code: "config.invalid",
    });
    await expect(enrolNodeKey(c.place, account("stranger"), key)).rejects.toMatchObject({
      code: "config.invalid",
    });
    await sendToRegistry(c.place, account("member 3"), "revokeNodeKey", [key.address]);
    await expect(enrolNodeKey(c.place, account("member 3"), key)).rejects.toThrow(/never return/);
  });
});

describe("the ABI a node knows", () => {
  it.each([
    ["MemberRegistry", REGISTRY_ABI],
    ["ImmuneMemory", MEMORY_ABI],
    ["ConsortiumGovernor", GOVERNOR_ABI],
  ])("is that of %s as compiled", async (name, abi) => {
    const path = new URL(`../../../../artifacts/contracts/${name}.sol/${name}.json`, import.meta.url);
    const compiled = new Interface((JSON.parse(await readFile(path, "utf8")) as { abi: [] }).abi);
    const known = new Interface(abi);
    const signatures = (codec: Interface) => codec.fragments.map((fragment) => fragment.format("full"));
    const real = new Set(signatures(compiled));
    const unknown = signatures(known).filter((signature) => !real.has(signature));
    expect(unknown).toEqual([]);
    // Every event and error of ours must be known, or it would pass unread.
    const names = new Set(ownNames(known));
    expect(ownNames(compiled).filter((own) => !names.has(own))).toEqual([]);
  });
});

/** Events and errors, without those of OpenZeppelin. */
function ownNames(codec: Interface): string[] {
  const inherited =
    /^(DelegateChanged|DelegateVotesChanged|EIP712DomainChanged|ProposalCanceled|ProposalQueued)$/;
  return codec.fragments.flatMap((fragment) => {
    if (!(fragment instanceof NamedFragment)) return [];
    const own =
      fragment.type === "error" && /^(MemberRegistry|ImmuneMemory|ConsortiumGovernor)/.test(fragment.name);
    return own || (fragment.type === "event" && !inherited.test(fragment.name)) ? [fragment.name] : [];
  });
}
