import { AbiCoder, keccak256, toBeHex } from "ethers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, FOUNDED, makeAttestation, makeConsortium } from "./consortium.ts";

/** Slots that evidence proves by their position, in each contract. A change breaks every bundle made before it. */
const SLOTS = { members: 6n, nodeKeys: 8n, parameters: 9n, counts: 10n, addedAtBlock: 11n, registers: 0n };

/** Where Solidity keeps a mapping's value: keccak256(key ‖ slot). */
const slotOf = (type: string, key: unknown, slot: bigint | string) =>
  keccak256(AbiCoder.defaultAbiCoder().encode([type, "uint256"], [key, slot]));

/** Fields from the least significant bit on, as [bits, value]. */
const pack = (...fields: [bits: number, value: bigint | number | string][]) => {
  let [word, offset] = [0n, 0n];
  for (const [bits, value] of fields) {
    word |= BigInt(value) << offset;
    offset += BigInt(bits);
  }
  return toBeHex(word, 32);
};

describe("storage", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;

  beforeAll(async () => {
    [consortium, close] = await makeConsortium(5);
  });
  afterAll(() => close());

  const read = async (contract: { getAddress(): Promise<string> }, slot: bigint | string) =>
    consortium.ethers.provider.getStorage(await contract.getAddress(), slot);

  it("keeps a member in one slot", async () => {
    const { registry, accounts } = consortium;
    const slot = slotOf("uint16", 2, SLOTS.members);
    expect(await read(registry, slot)).toBe(pack([160, accounts[1]?.address as string], [8, 1]));
    await registry.suspend(2);
    expect(await read(registry, slot)).toBe(pack([160, accounts[1]?.address as string], [8, 0]));
    await registry.reinstate(2);
  });

  it("marks a removed member in the same slot, and counts it as admitted", async () => {
    const { registry, accounts } = consortium;
    await registry.remove(5);
    const slot = slotOf("uint16", 5, SLOTS.members);
    expect(await read(registry, slot)).toBe(pack([160, accounts[4]?.address as string], [8, 0], [8, 1]));
    expect(await read(registry, SLOTS.counts)).toBe(pack([16, 5], [16, 4]));
  });

  it("keeps the block that added a key in a slot of its own", async () => {
    const { ethers, registry, accounts, possession } = consortium;
    const [member, key] = [accounts[0] as Consortium["accounts"][0], oracle.privateKey(99)];
    const slot = slotOf("address", oracle.addressOf(key), SLOTS.addedAtBlock);
    expect(await read(registry, slot)).toBe(pack([32, 0]));
    await registry.connect(member).addNodeKey(...possession(member, key));
    const block = await ethers.provider.getBlockNumber();
    expect(await read(registry, slot)).toBe(pack([32, block]));
    await registry.connect(member).revokeNodeKey(oracle.addressOf(key));
    expect(await read(registry, slot)).toBe(pack([32, block]));
  });

  it("keeps a node key and its feed's head in one slot", async () => {
    const { registry, accounts, keys, signedHead } = consortium;
    const key = keys[1] as string;
    const root = oracle.sha256("root");
    const head = signedHead(key, 2 ** 40 - 1, root);
    await registry.anchor([head]);
    await registry.connect(accounts[1] as Consortium["accounts"][0]).revokeNodeKey(head.feed);
    const block = await consortium.ethers.provider.getBlockNumber();
    expect(await read(registry, slotOf("address", head.feed, SLOTS.nodeKeys))).toBe(
      pack([16, 2], [32, block], [40, 2 ** 40 - 1], [168, oracle.hex(root.subarray(0, 21))]),
    );
  });

  it("keeps the parameters in one slot", async () => {
    expect(await read(consortium.registry, SLOTS.parameters)).toBe(
      pack([16, DEFAULTS.members], [16, DEFAULTS.witnesses], [16, DEFAULTS.refutes], [16, DEFAULTS.maxBatch]),
    );
  });

  it("keeps a register in one slot", async () => {
    const { memory, keys, signAttestation, uid } = consortium;
    const attestation = makeAttestation({ basis: 3 });
    await memory.attest([attestation], [signAttestation(keys[0] as string, attestation)]);
    const slot = slotOf("uint16", 1, slotOf("bytes32", attestation.subject, SLOTS.registers));
    expect(await read(memory, slot)).toBe(
      pack(
        [48, FOUNDED * 1000],
        [40, attestation.validUntil],
        [8, 1],
        [8, 3],
        [8, 80],
        [144, uid(attestation).slice(0, 38)],
      ),
    );
  });
});
