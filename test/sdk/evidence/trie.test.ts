import { readFileSync } from "node:fs";
import { fromHex, toHex, uintBytes } from "@anamnesis/sdk/core/bytes";
import { keccak256, sha256 } from "@anamnesis/sdk/core/hash";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import { readHeader } from "@anamnesis/sdk/evidence/header";
import { headerOfRpcBlock } from "@anamnesis/sdk/evidence/header-rpc";
import { readInOrder } from "@anamnesis/sdk/evidence/source";
import { proveAccounts } from "@anamnesis/sdk/evidence/state";
import { wordOfLeaf } from "@anamnesis/sdk/evidence/storage";
import { EMPTY_TRIE_ROOT, lookUp, type NodeSource } from "@anamnesis/sdk/evidence/trie";
import { createMerkleProof, createMPT, verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import fc from "fast-check";
import { expect, test } from "vitest";

/** A source over a bag of nodes that remembers what was taken. */
function bag(nodes: readonly Uint8Array[]): { next: NodeSource; taken: Hex[] } {
  const byHash = new Map(nodes.map((node) => [toHex(keccak256(node)), node]));
  const taken: Hex[] = [];
  const next: NodeSource = (hash) => {
    const node = byHash.get(toHex(hash));
    if (node === undefined) throw new Error("missing");
    taken.push(toHex(node));
    return node;
  };
  return { next, taken };
}

const keyOf = (i: number): Uint8Array => sha256(uintBytes(i, 4));

test("many keys, there and not, are what an independent implementation proves one by one", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(400), { maxLength: 60 }),
      fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 40 }),
      async (there, asked, length) => {
        const trie = await createMPT({ useKeyHashing: true });
        for (const i of there)
          await trie.put(keyOf(i), RLP.encode(new Uint8Array(length).fill(1 + (i % 255))));
        const root = trie.root();
        const proofs = await Promise.all(asked.map((i) => createMerkleProof(trie, keyOf(i))));
        const prove = async (i: number, at: number): Promise<Uint8Array | null> => {
          if (there.length === 0) return null; // the oracle knows no proof of an empty trie
          const proof = proofs[at] as Uint8Array[];
          return verifyMerkleProof(keyOf(i), proof, { root, useKeyHashing: true });
        };
        const expected = await Promise.all(asked.map(prove));
        const { next, taken } = bag(proofs.flat());
        const paths = asked.map((i) => keccak256(keyOf(i)));
        const found = lookUp(root, paths, next);
        expect(Array.from(found, (value) => value && toHex(value))).toEqual(
          expected.map((value) => value && toHex(value)).map((value) => value ?? undefined),
        );
        // What was taken, in that order, is a proof by itself: nothing is missing and nothing is left.
        expect(readInOrder(taken.map(fromHex), "proof", (source) => lookUp(root, paths, source))).toEqual(
          found,
        );
      },
    ),
    { numRuns: 150 },
  );
});

test("nothing is in an empty trie", () => {
  const none: NodeSource = () => {
    throw new Error("asked for a node");
  };
  expect(lookUp(EMPTY_TRIE_ROOT, [keccak256(keyOf(1))], none)).toEqual([undefined]);
});

/** Looks up one key in a trie whose root is the node given. */
const lookUpIn = (node: unknown, path = new Uint8Array(32)): string => {
  const bytes = node instanceof Uint8Array ? node : RLP.encode(node as never);
  try {
    const [value] = lookUp(keccak256(bytes), [path], () => bytes);
    return value === undefined ? "absent" : toHex(value);
  } catch (error) {
    return (error as Error).message;
  }
};
const LEAF = Uint8Array.of(0x20, ...new Uint8Array(32));
const empty = new Uint8Array(0);
const branch = (child: unknown, value: unknown = empty) => [
  child,
  ...Array.from({ length: 15 }, () => empty),
  value,
];

test.each<[string, unknown, RegExp | string]>([
  ["a leaf", [LEAF, Uint8Array.of(7)], "0x07"],
  ["a leaf of another key", [LEAF.map((byte, i) => (i === 32 ? 1 : byte)), Uint8Array.of(7)], "absent"],
  ["a branch without the child", branch(empty), "absent"],
  ["an extension elsewhere", [Uint8Array.of(0x1f), new Uint8Array(32)], "absent"],
  ["three items", [LEAF, Uint8Array.of(7), empty], /neither 17 nor 2/],
  ["a leaf without a value", [LEAF, empty], /leaf without a value/],
  ["a leaf whose value is a list", [LEAF, [empty]], /leaf without a value/],
  ["a path of no known form", [LEAF.map((byte, i) => (i === 0 ? 0x40 : byte)), empty], /no known form/],
  ["a path with a stray nibble", [LEAF.map((byte, i) => (i === 0 ? 0x21 : byte)), empty], /no known form/],
  ["a leaf that ends early", [LEAF.subarray(0, 32), Uint8Array.of(7)], /wrong length/],
  ["an extension of nothing", [Uint8Array.of(0), new Uint8Array(32)], /wrong length/],
  ["no path", [empty, Uint8Array.of(7)], /no path/],
  ["a path that is a list", [[empty], Uint8Array.of(7)], /no path/],
  ["a value in a branch", branch(empty, Uint8Array.of(1)), /value in a branch/],
  ["a child of 31 bytes", branch(new Uint8Array(31).fill(1)), /neither hash nor content/],
  [
    "a child that should be a hash",
    branch([new Uint8Array(33), Uint8Array.of(7)]),
    /child of 32 bytes or more/,
  ],
  ["no list", Uint8Array.of(0x82, 1, 2), /not a list/],
  ["a byte after the end", Uint8Array.of(...RLP.encode([LEAF, Uint8Array.of(7)]), 0), /not RLP/],
  ["a single byte with a prefix", Uint8Array.of(0xc4, 0x81, 0x20, 0x81, 0x07), /not RLP/],
  ["a length that is not the shortest", Uint8Array.of(0xf8, 0x02, 0x20, 0x07), /not RLP/],
  ["a length with a leading zero", Uint8Array.of(0xf9, 0x00, 0x38, ...new Uint8Array(56)), /not RLP/],
  ["a string with a long length", Uint8Array.of(0xc4, 0xb8, 0x01, 0x20, 0x07), /not RLP/],
  ["nothing", new Uint8Array(0), /not RLP/],
])("a node that is %s", (_, node, expected) => {
  if (typeof expected === "string") expect(lookUpIn(node)).toBe(expected);
  else expect(lookUpIn(node)).toMatch(expected);
});

test("a trie deeper than its keys is refused", () => {
  const deep = branch(new Uint8Array(32).fill(9));
  const bytes = RLP.encode(deep as never);
  expect(() => lookUp(keccak256(bytes), [new Uint8Array(32)], () => bytes)).toThrow(/deeper than a key/);
});

test("a node below the root that would fit into its parent is refused", () => {
  const small = RLP.encode([Uint8Array.of(0x20), Uint8Array.of(1)]);
  const root = RLP.encode(branch(keccak256(small)) as never);
  const nodes = [root, small];
  expect(() => lookUp(keccak256(root), [new Uint8Array(32)], () => nodes.shift() as Uint8Array)).toThrow(
    /belongs inside/,
  );
});

test.each([
  ["a word with a leading zero", Uint8Array.of(0x82, 0, 1)],
  ["zero", Uint8Array.of(0x80)],
  ["33 bytes", RLP.encode(new Uint8Array(33).fill(1))],
  ["a list", RLP.encode([Uint8Array.of(1)])],
])("%s is no storage word", (_, value) => {
  expect(wordOfLeaf(value)).toBeUndefined();
});

const anvil = JSON.parse(
  readFileSync(new URL("../../vectors/evidence/anvil-proof-vector.json", import.meta.url), "utf8"),
) as {
  block: Record<string, unknown> & { hash: Bytes32; stateRoot: Hex };
  proof: { accountProof: Hex[]; storageProof: { proof: Hex[] }[] };
  contract: Address;
  slot: Hex;
  expectSlotValue: Hex;
  expectAccount: { storageRoot: Hex; codeHash: Bytes32 };
};

test("anvil's block, account and slot verify from the header on", async () => {
  const rlp = headerOfRpcBlock(anvil.block);
  const { hash, stateRoot } = readHeader(rlp, "the block");
  expect(hash).toBe(anvil.block.hash);
  const { accountProof, storageProof } = anvil.proof;
  const contract = { address: anvil.contract, codeHash: anvil.expectAccount.codeHash };
  const roots = readInOrder(accountProof.map(fromHex), "account", (next) =>
    // One contract stands for both: its path is walked once for each.
    proveAccounts(stateRoot, { memory: contract, registry: contract }, next, "account"),
  );
  expect(toHex(roots.memory)).toBe(anvil.expectAccount.storageRoot);
  const proof = storageProof[0]?.proof as Hex[];
  const [value] = readInOrder(proof.map(fromHex), "slot", (next) =>
    lookUp(roots.memory, [keccak256(fromHex(anvil.slot))], next),
  );
  expect(toHex(RLP.decode(value as Uint8Array) as Uint8Array)).toBe(anvil.expectSlotValue);
  const oracle = await verifyMerkleProof(fromHex(anvil.slot), proof.map(fromHex), {
    root: fromHex(anvil.expectAccount.storageRoot),
    useKeyHashing: true,
  });
  expect(toHex(value as Uint8Array)).toBe(toHex(oracle as Uint8Array));
});

test("a block whose fields do not give its hash is not taken", () => {
  expect(() => headerOfRpcBlock({ ...anvil.block, gasUsed: "0x1" })).toThrow(/its fields give/);
  expect(() => headerOfRpcBlock({ ...anvil.block, nonce: undefined })).toThrow(/no nonce/);
});
