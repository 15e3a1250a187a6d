import { toHex } from "@anamnesis/sdk/core/bytes";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Bytes32 } from "@anamnesis/sdk/core/types";
import { Signature, Transaction } from "ethers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMORY, REGISTRY } from "../../../../node/src/adapters/chain/abi.ts";
import { encodeAnchor, encodeAttest } from "../../../../node/src/adapters/chain/calldata.ts";
import { decodeLogs } from "../../../../node/src/adapters/chain/events.ts";
import { signTransaction } from "../../../../node/src/adapters/chain/transaction.ts";
import { addressOf, keyOf, sign, signHead } from "./fixtures.ts";

const HASHER = createHasher({ chainId: 1, verifyingContract: addressOf("registry") });

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => toHex(array));

const attestation = fc.record({
  subject: bytes(32),
  stance: fc.constantFrom(1, 2, 3),
  basis: fc.constantFrom(1, 2, 3),
  confidence: fc.integer({ min: 0, max: 100 }),
  validUntil: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
  version: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  content: bytes(32),
}) as fc.Arbitrary<Attestation>;

describe("calldata", () => {
  it("is what ethers encodes for attestations", () => {
    fc.assert(
      fc.property(fc.array(attestation, { maxLength: 5 }), (attestations) => {
        const items = attestations.map((a) => sign(HASHER, "node", a));
        const args = [items.map((i) => i.attestation), items.map((i) => i.signature)];
        expect(toHex(encodeAttest(items))).toBe(MEMORY.encodeFunctionData("attest", args));
      }),
    );
  });

  it("is what ethers encodes for heads", () => {
    for (const sizes of [[], [1], [1, 2, 5]]) {
      const heads = sizes.map((size) => signHead(HASHER, "node", size));
      const structs = heads.map((head) => {
        const { r, s, v } = Signature.from(head.signature);
        return { ...head, r, s, v };
      });
      expect(toHex(encodeAnchor(heads))).toBe(REGISTRY.encodeFunctionData("anchor", [structs]));
    }
  });
});

describe("signTransaction", () => {
  it("is read by ethers as what was meant", () => {
    const transaction = fc.record({
      chainId: fc.integer({ min: 1, max: 2 ** 40 }),
      nonce: fc.integer({ min: 0, max: 2 ** 32 }),
      gasPrice: fc.integer({ min: 0, max: 2 ** 48 }),
      gasLimit: fc.integer({ min: 0, max: 2 ** 32 }),
      to: fc.option(bytes(20)) as fc.Arbitrary<Address | null>,
      data: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ minLength: 50, maxLength: 300 })),
    });
    fc.assert(
      fc.property(transaction, fc.string(), (tx, name) => {
        const { raw, hash } = signTransaction(tx, keyOf(name));
        const read = Transaction.from(raw);
        expect(read.hash).toBe(hash);
        expect(read.from?.toLowerCase()).toBe(addressOfPrivateKey(keyOf(name)));
        expect(read.toJSON()).toMatchObject({
          type: 0,
          value: "0",
          chainId: String(tx.chainId),
          nonce: tx.nonce,
        });
        expect([read.gasPrice, read.gasLimit]).toEqual([BigInt(tx.gasPrice), BigInt(tx.gasLimit)]);
        expect([read.to?.toLowerCase() ?? null, read.data]).toEqual([tx.to, toHex(tx.data)]);
      }),
    );
  });
});

describe("decodeLogs", () => {
  it("reads an attestation as ethers does", () => {
    fc.assert(
      fc.property(attestation, fc.integer({ min: 1, max: 65_535 }), (a, member) => {
        const key = addressOf("node");
        const values = [
          a.subject,
          member,
          key,
          a.stance,
          a.basis,
          a.confidence,
          a.validUntil,
          a.version,
          a.content,
        ];
        const { topics, data } = MEMORY.encodeEventLog("Attested", values);
        const memory = addressOf("memory");
        const log = { address: memory, topics, data, blockNumber: "0x10", logIndex: "0x0" };
        const { subject, content, ...rest } = a;
        const register = { member, ...rest, uid: toHex(HASHER.attestation(a)) as Bytes32 };
        expect(decodeLogs([log], memory, HASHER)).toEqual([
          { block: 16, type: "Attested", subject, key, register, content },
        ]);
      }),
    );
  });

  it("puts logs in order by block and index", () => {
    const log = (feed: string, block: number, index: number) => ({
      address: addressOf("registry"),
      ...REGISTRY.encodeEventLog("FeedAnchored", [addressOf(feed), 1, `0x${"00".repeat(32)}`]),
      blockNumber: `0x${block.toString(16)}`,
      logIndex: `0x${index.toString(16)}`,
    });
    const events = decodeLogs(
      [log("c", 11, 0), log("b", 9, 10), log("a", 9, 9)],
      addressOf("memory"),
      HASHER,
    );
    expect(events.map((e) => e.type === "FeedAnchored" && e.feed)).toEqual(["a", "b", "c"].map(addressOf));
  });
});
